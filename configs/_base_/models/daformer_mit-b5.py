# MiT-B5 with DAFormer's decoder. NVIDIA's weights (non-commercial), made by tools/model_converters/daformer.py.
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
            type='MiT',
            embed_dims=64,
            num_heads=[1, 2, 5, 8],
            num_layers=[3, 6, 40, 3],
            qkv_bias=True,
            drop_path_rate=0.1,
            init_cfg=dict(type='Pretrained', checkpoint='checkpoints/mit_b5.pth'),
        ),
        decode_head=dict(
            type='DAFormerHead',
            in_channels=[64, 128, 320, 512],
            channels=256,
            num_classes=15,
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=False),  # over all pixels, as the released code
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    ),
)
# What MiT-B0 changes: `model = dict(segmentor=_base_.b0)`; b0_hrda for a HRDAEncoderDecoder
b0_channels = dict(in_channels=[32, 64, 160, 256])
b0_backbone = dict(embed_dims=32, num_layers=[2, 2, 2, 2], init_cfg=dict(checkpoint='checkpoints/mit_b0.pth'))
b0 = dict(backbone=b0_backbone, decode_head=b0_channels)
b0_hrda = dict(b0, attention_head=b0_channels)
