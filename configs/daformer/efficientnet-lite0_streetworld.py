# From ImageNet's features, near which those of things are kept.
_base_ = ['./deeplabv2_r18_streetworld.py', '../_base_/models/efficientnet-lite0.py']
model = _base_.lite0
