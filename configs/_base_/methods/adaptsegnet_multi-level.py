_base_ = ['../default_runtime.py', '../models/deeplabv2_r101_multi-level_discriminators.py']
model = dict(
    type='AdaptSegNet',
    loss_gan=dict(type='BinaryCrossEntropyLoss'),
    lambda_seg_aux=0.1,  # the released settings of the multi-level original
    lambda_adv=0.001,
    lambda_adv_aux=0.0002,
)
