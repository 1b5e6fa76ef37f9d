_base_ = './streetworld_source.py'
max_iters = 900
optim_wrapper = dict(
    segmentor=dict(optimizer=dict(lr=0.005)),
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))),
)
poly_lr = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)]
param_scheduler = dict(segmentor=poly_lr, discriminator=poly_lr)
train_cfg = dict(max_iters=max_iters, val_interval=300)
