# A discriminator of the predictions beside the segmentor: AdaptSegNet's, which the paper follows.
_base_ = './deeplabv2_r101.py'
model = dict(discriminator=dict(type='FCDiscriminator', in_channels=15, base_channels=64))
