# What a small network for 2 CPU cores changes: `model = dict(segmentor=_base_.small_segmentor, ...)`.
small_segmentor = dict(
    backbone=dict(
        depth=18,
        base_channels=16,
        style='pytorch',
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=None,
    ),
    decode_head=dict(in_channels=128),
)
small_discriminator = dict(base_channels=16)
small_data_preprocessor = dict(std=[57.0, 57.0, 57.0])  # trained from scratch: inputs of unit scale
