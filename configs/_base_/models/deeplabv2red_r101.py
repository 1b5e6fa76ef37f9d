# The DeepLab-v2 of DAFormer, HRDA and MIC: a ResNet-101-v1c whose batch norm is trained, two of the four dilations.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(
        type='DomainDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='ResNetV1c',
            depth=101,
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            norm_cfg=norm_cfg,
            norm_eval=False,
            style='pytorch',
            contract_dilation=True,
            init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet101_v1c'),
        ),
        decode_head=dict(
            type='DLV2Head',
            in_channels=2048,
            in_index=3,
            num_classes=15,
            dilations=(6, 12),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=False),  # over all pixels, as the released code
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    ),
)
