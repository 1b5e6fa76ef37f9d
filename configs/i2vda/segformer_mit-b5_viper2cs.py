_base_ = './deeplabv2_r101_viper2cs.py'
checkpoint = 'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/mit_b5_20220624-658746d9.pth'
model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    segmentor=dict(
        backbone=dict(
            _delete_=True,
            type='MixVisionTransformer',
            embed_dims=64,
            num_heads=[1, 2, 5, 8],
            num_layers=[3, 6, 40, 3],
            qkv_bias=True,
            drop_path_rate=0.1,
            init_cfg=dict(type='Pretrained', checkpoint=checkpoint),
        ),
        decode_head=dict(
            _delete_=True,
            type='SegformerHead',
            in_channels=[64, 128, 320, 512],
            in_index=[0, 1, 2, 3],
            channels=256,
            num_classes=15,
            norm_cfg=dict(type='BN', requires_grad=True),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
    ),
)
# SegFormer's own optimizer (Xie et al., NeurIPS 2021)
optim_wrapper = dict(
    backbone_steps='once',
    segmentor=dict(
        optimizer=dict(_delete_=True, type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
        paramwise_cfg=dict(custom_keys=dict(pos_block=dict(decay_mult=0.0), norm=dict(decay_mult=0.0))),
    ),
)
