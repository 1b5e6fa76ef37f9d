# The initialisation that the StreetWorld runs of all methods share; the paper starts from ImageNet weights instead.
_base_ = './deeplabv2_r18_streetworld.py'
max_iters = 1600
train_dataloader = dict(batch_size=4)
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=0.02)))
poly_lr = [dict(_base_.poly_lr[0], end=max_iters + 1)]
param_scheduler = dict(segmentor=poly_lr)
train_cfg = dict(max_iters=max_iters, val_interval=800)
