# DAFormer's, HRDA's and MIC's optimizer and schedule: Hoyer et al., CVPR 2022, Sec. 4 and released configs.
max_iters = 40000
optim_wrapper = dict(
    constructor='SeparateOptimWrapperConstructor',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
        # all heads at ten times the rate; norms, by their type, without decay
        paramwise_cfg=dict(custom_keys=dict(_head=dict(lr_mult=10.0)), norm_decay_mult=0.0),
    ),
)
# Warm-up over 1,500 iterations from a millionth, times a linear decay: with these ends, mmengine's schedulers give the
# released schedule.
param_scheduler = dict(
    segmentor=[
        dict(type='LinearLR', start_factor=1e-6, begin=0, end=1501, by_epoch=False),
        dict(type='PolyLR', power=1.0, eta_min=0.0, begin=0, end=max_iters + 1, by_epoch=False),
    ]
)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=4000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
