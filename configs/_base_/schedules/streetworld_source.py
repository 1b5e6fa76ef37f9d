# A short schedule for 2 CPU cores, from the source-only initialisation that all methods share; its rate was chosen on
# StreetWorld.
_base_ = './source_50k.py'
max_iters = 800
optim_wrapper = dict(backbone_steps='once', segmentor=dict(optimizer=dict(lr=0.005), paramwise_cfg=None))
poly_lr = [dict(_base_.poly_lr[0], end=max_iters + 1)]
param_scheduler = dict(segmentor=poly_lr)
train_cfg = dict(max_iters=max_iters, val_interval=400)
