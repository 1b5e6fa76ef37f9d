# DeepLab-v2 with a second head on layer3 and a discriminator for each head, as in AdaptSegNet and ADVENT.
_base_ = './deeplabv2_r101.py'
segmentor = dict(
    type='MultiLevelEncoderDecoder',
    auxiliary_head=dict(
        type='DLV2Head',
        in_channels=1024,
        in_index=2,
        num_classes=15,
        dilations=(6, 12, 18, 24),
        align_corners=True,
    ),
)
discriminator = dict(
    _delete_=True,
    type='DiscriminatorSet',
    main=dict(type='FCDiscriminator', in_channels=15, base_channels=64),
    aux=dict(type='FCDiscriminator', in_channels=15, base_channels=64),
)
