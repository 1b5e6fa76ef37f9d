_base_ = ['../default_runtime.py', '../models/deeplabv2_r101_discriminator.py']
model = dict(type='AdaptSegNet', lambda_adv=0.01)  # the single-level least-squares recipe of AdaptSegNet's README
