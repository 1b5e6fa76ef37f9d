# Sec. 4.2 of the paper: 50,000 iterations, SGD; weight decay and the head's tenfold rate as in AdaptSegNet's code.
max_iters = 50000
optim_wrapper = dict(
    constructor='SeparateOptimWrapperConstructor',
    backbone_steps='released',  # AdaptSegNet's and the other released codes step block convolutions three times
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0), auxiliary_head=dict(lr_mult=10.0))),
    ),
)
# base * (1 - i / max_iters) ** 0.9 at iteration i, as in the released codes: PolyLR has its last value at end - 1
poly_lr = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters + 1, by_epoch=False)]
param_scheduler = dict(segmentor=poly_lr)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=2000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
