# A discriminator for each of the two heads.
_base_ = './deeplabv2_r101_multi-level.py'
judge = dict(type='FCDiscriminator', in_channels=15, base_channels=64)
model = dict(discriminator=dict(type='DiscriminatorSet', main=judge, aux=judge))
