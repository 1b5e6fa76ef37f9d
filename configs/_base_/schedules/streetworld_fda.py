# As fda_200k.py, in 1,200 iterations from the source-only initialisation that all methods share.
_base_ = './fda_200k.py'
# 0.02 for 0.01: of an image of 96 rows, the released smallest band would hold no coefficient
stage_iters, betas = 300, (0.02, 0.05, 0.09, 0.02)
bands = [dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=beta)]) for beta in betas]
stages = [dict(stage, iters=stage_iters, dataset=band) for stage, band in zip(_base_.stages, bands)]
optim_wrapper = dict(backbone_steps='once', segmentor=dict(optimizer=dict(lr=0.005), paramwise_cfg=None))
poly_lr = [dict(_base_.poly_lr[0], begin=i * stage_iters, end=(i + 1) * stage_iters + 1) for i in range(4)]
param_scheduler = dict(segmentor=poly_lr)
train_cfg = dict(stages=stages, val_interval=stage_iters)
