# DINOv2 ViT-B/14 (Oquab et al., TMLR 2024) with VFM-UDA's head; pip install 'i2vda_mmseg[foundation]'. Its weights are
# facebook/dinov2-base of the hub (Apache-2.0), or a folder with config.json and model.safetensors of it.
model = dict(
    data_preprocessor=dict(
        type='DomainDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(1024, 1024),
    ),
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='HFBackbone',
            config=dict(
                model_type='dinov2',
                hidden_size=768,
                num_hidden_layers=12,
                num_attention_heads=12,
                image_size=518,
                patch_size=14,
                out_indices=[12],
            ),
            multiple=14,
            scale=1.1,  # crops of 1024 pixels as 1120, 80 tokens a side
            pretrained='facebook/dinov2-base',
            tuning='full',
        ),
        decode_head=dict(
            type='LightHead',
            in_channels=768,
            num_classes=15,
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
    ),
)
# `model = dict(segmentor=_base_.lora)`: 589,824 parameters of the backbone learn. _base_.frozen: none.
lora = dict(backbone=dict(tuning='lora', lora=dict(rank=16, alpha=16.0, targets=['q_proj', 'v_proj'])))
frozen = dict(backbone=dict(tuning='frozen'))
# DINOv3 ViT-B/16 (2025): its weights are given to those who agree to its licence on the hub.
dinov3_config = dict(
    model_type='dinov3_vit',
    hidden_size=768,
    intermediate_size=3072,
    num_hidden_layers=12,
    num_attention_heads=12,
    image_size=224,
    patch_size=16,
    num_register_tokens=4,
    out_indices=[12],
)
dinov3 = dict(
    backbone=dict(
        config=dict(_delete_=True, **dinov3_config),
        multiple=16,
        scale=1.0,
        pretrained='facebook/dinov3-vitb16-pretrain-lvd1689m',
    )
)
