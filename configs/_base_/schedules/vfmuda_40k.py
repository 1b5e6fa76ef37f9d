# VFM-UDA's optimizer and schedule (Englert et al., CVPRW 2024): 2 + 2 images on each of four GPUs.
max_iters = 40000
optim_wrapper = dict(
    constructor='SeparateOptimWrapperConstructor',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=5e-5 * 8**0.5, betas=(0.9, 0.999), weight_decay=0.01),
        # layer_decay=0.9 lets the rate fall from the last block to the embeddings; 1.0 in the released code
        paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1)), layer_decay=1.0),
    ),
)
# Warm-up over 1,500 iterations from a thousandth, then linear to 0
param_scheduler = dict(
    segmentor=[
        dict(type='LinearLR', start_factor=1e-3, begin=0, end=1501, by_epoch=False),
        dict(type='PolyLR', power=1.0, eta_min=0.0, begin=1500, end=max_iters + 1, by_epoch=False),
    ]
)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=4000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
