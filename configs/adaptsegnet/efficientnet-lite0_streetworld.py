# From ImageNet's features, where the other leaves of StreetWorld start from nothing.
_base_ = ['./deeplabv2_r18_streetworld.py', '../_base_/models/efficientnet-lite0.py']
model = _base_.lite0
