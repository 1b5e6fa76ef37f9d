# TPS's released configs: the rate falls as if for 250,000 iterations and training stops at 40,000.
_base_ = './source_50k.py'
max_iters, horizon = 40000, 250000
# In the released code the fusion layer decays at ten times the rate, as intended for the heads, which never decay.
optim_wrapper = dict(
    segmentor=dict(optimizer=dict(lr=1e-4), paramwise_cfg=dict(custom_keys=dict(sf_layer=dict(lr_mult=10.0))))
)
poly_lr = [dict(_base_.poly_lr[0], end=horizon + 1)]
param_scheduler = dict(segmentor=poly_lr)
train_cfg = dict(max_iters=max_iters)
