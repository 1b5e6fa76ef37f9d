# MiT-B5 with DAFormer's decoder on context and detail; windows of the crops' size at test time.
_base_ = './daformer_mit-b5.py'
model = dict(
    segmentor=dict(
        type='HRDAEncoderDecoder',
        attention_head=dict(
            type='ScaleAttentionHead',
            in_channels=[64, 128, 320, 512],
            channels=256,
            num_classes=15,
            align_corners=False,
        ),
        detail_size=(512, 512),
        detail_weight=0.1,
        output_stride=4,
        test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
    ),
)
