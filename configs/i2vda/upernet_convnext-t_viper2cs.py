_base_ = './segformer_mit-b5_viper2cs.py'  # its colours
norm_cfg = dict(type='GN', num_groups=32)  # UPerNet pools to one pixel, and there is one image a batch
model = dict(
    segmentor=dict(
        # ConvNeXt-T (Liu et al., CVPR 2022); weights of ImageNet: pretrained='facebook/convnext-tiny-224'
        backbone=dict(
            _delete_=True,
            type='HFBackbone',
            config=dict(
                model_type='convnext',
                depths=[3, 3, 9, 3],
                hidden_sizes=[96, 192, 384, 768],
                drop_path_rate=0.4,
                out_features=['stage1', 'stage2', 'stage3', 'stage4'],
            ),
            pretrained='facebook/convnext-tiny-224',
        ),
        decode_head=dict(
            _delete_=True,
            type='UPerHead',
            in_channels=[96, 192, 384, 768],
            in_index=[0, 1, 2, 3],
            pool_scales=(1, 2, 3, 6),
            channels=512,
            num_classes=15,
            norm_cfg=norm_cfg,
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        ),
    ),
)
