# What a small network for 2 CPU cores changes: `model = dict(_base_.small_model, ...)`.
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
small_multi_level_segmentor = dict(**small_segmentor, auxiliary_head=dict(in_channels=64))
small_discriminator_set = dict(main=small_discriminator, aux=small_discriminator)
small_data_preprocessor = dict(std=[57.0, 57.0, 57.0])  # trained from scratch: inputs of unit scale
# Its batch norm is trained: only target images move the running statistics, which evaluation and the proxy use.
small_model = dict(
    data_preprocessor=small_data_preprocessor,
    segmentor=small_segmentor,
    batch_statistics='target',
    resize_logits='twice',  # as stock mmseg tests an exported network
)
small_multi_level_model = dict(small_model, segmentor=small_multi_level_segmentor)
# Five times the released weights, for a schedule much shorter
small_judged_model = dict(
    small_multi_level_model, discriminator=small_discriminator_set, lambda_adv=0.005, lambda_adv_aux=0.001
)
# Self-training averages over all pixels, the ignored ones counted, as its released codes do.
small_all_pixels = dict(in_channels=128, loss_decode=dict(avg_non_ignore=False))
small_self_training_model = dict(small_model, segmentor=dict(small_segmentor, decode_head=small_all_pixels))
