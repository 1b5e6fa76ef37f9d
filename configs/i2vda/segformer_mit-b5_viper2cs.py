_base_ = './deeplabv2_r101_viper2cs.py'
checkpoint = 'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/mit_b5_20220624-658746d9.pth'
model = dict(
    resize_logits='twice',  # as mmseg tests
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
# SegFormer's optimizer (Xie et al., NeurIPS 2021, Sec. 4.1 and its released configs): the head at ten times the rate,
# no decay of norms. These go by their type: the norms after the stages are called layers.<k>.2.
optim_wrapper = dict(
    backbone_steps='once',
    segmentor=dict(
        optimizer=dict(_delete_=True, type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
        paramwise_cfg=dict(_delete_=True, custom_keys=dict(decode_head=dict(lr_mult=10.0)), norm_decay_mult=0.0),
    ),
)
# Warm-up over 1,500 iterations from a millionth, times a linear decay: with these ends, mmengine's schedulers give the
# released schedule.
param_scheduler = dict(
    segmentor=[
        dict(type='LinearLR', start_factor=1e-6, begin=0, end=1501, by_epoch=False),
        dict(type='PolyLR', power=1.0, eta_min=0.0, begin=0, end=_base_.max_iters + 1, by_epoch=False),
    ]
)
