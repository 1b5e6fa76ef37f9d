_base_ = './upernet_convnext-t_viper2cs.py'
model = dict(
    segmentor=dict(
        # DINOv2 ViT-B/14 (Oquab et al., TMLR 2024); four of its twelve layers, brought to four sizes
        backbone=dict(
            _delete_=True,
            type='HFBackbone',
            config=dict(
                model_type='dinov2',
                hidden_size=768,
                num_hidden_layers=12,
                num_attention_heads=12,
                image_size=518,
                patch_size=14,
                out_indices=[3, 6, 9, 12],
            ),
            multiple=14,
            pretrained='facebook/dinov2-base',
        ),
        neck=dict(type='Feature2Pyramid', embed_dim=768, rescales=[4, 2, 1, 0.5], norm_cfg=dict(type='BN')),
        decode_head=dict(in_channels=[768, 768, 768, 768]),
    ),
)
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=1e-5)))  # the head at ten times that, as inherited
