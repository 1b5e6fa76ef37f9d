_base_ = ['../default_runtime.py', '../models/deeplabv2_r101_multi-level.py']
judge = dict(type='FCDiscriminator', in_channels=15, base_channels=64)
judges = dict(type='DiscriminatorSet', main=judge, aux=judge)
weights = dict(lambda_seg_aux=0.1, lambda_adv=0.001, lambda_adv_aux=0.0002)  # the released ones of the original
model = dict(type='AdaptSegNet', discriminator=judges, loss_gan=dict(type='BinaryCrossEntropyLoss'), **weights)
