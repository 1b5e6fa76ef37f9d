_base_ = './streetworld_source.py'
optim_wrapper = dict(
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4, betas=(0.9, 0.99))),
)
param_scheduler = dict(discriminator=_base_.poly_lr)
