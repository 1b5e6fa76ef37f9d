# The initialisation that the StreetWorld runs of all methods share; the paper starts from ImageNet weights instead.
_base_ = './deeplabv2_r18_streetworld.py'
train_cfg = dict(max_iters=1500, val_interval=1500)
param_scheduler = dict(
    segmentor=[dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=1500, by_epoch=False)],
)
