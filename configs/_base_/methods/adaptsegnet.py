_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(
    type='AdaptSegNet',
    discriminator=dict(type='FCDiscriminator', in_channels=15, base_channels=64),
    lambda_adv=0.01,  # the single-level least-squares recipe of AdaptSegNet's README
)
