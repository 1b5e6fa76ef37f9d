# The discriminator's optimizer: AdaptSegNet's, and Sec. 4.2 of the paper.
_base_ = './source_50k.py'
optim_wrapper = dict(
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))),
)
param_scheduler = dict(discriminator=_base_.poly_lr)
