# deeplabv2red_r101.py on context and detail
_base_ = './deeplabv2red_r101.py'
model = dict(
    segmentor=dict(
        type='HRDAEncoderDecoder',
        attention_head=dict(
            type='DLV2Head',
            in_channels=2048,
            in_index=3,
            num_classes=15,
            dilations=(6, 12),
            align_corners=False,
        ),
        detail_size=(512, 512),
        detail_weight=0.1,
        output_stride=8,
        test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
    ),
)
