# As adversarial_50k.py; the discriminator's rate was chosen on StreetWorld.
_base_ = './streetworld_source.py'
optim_wrapper = dict(
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4, betas=(0.9, 0.99))),
)
param_scheduler = dict(discriminator=_base_.poly_lr)
