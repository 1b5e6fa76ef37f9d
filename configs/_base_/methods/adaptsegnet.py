_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(
    type='AdaptSegNet',
    data_preprocessor=_base_.data_preprocessor,
    segmentor=_base_.segmentor,
    discriminator=_base_.discriminator,
    lambda_adv=0.01,  # the single-level least-squares recipe of AdaptSegNet's README
)
