# The initialisation that runs with ImageNet's features share, as deeplabv2_r18_streetworld-init.py.
_base_ = ['./deeplabv2_r18_streetworld-init.py', '../_base_/models/efficientnet-lite0.py']
model = _base_.lite0
