"""Backbones."""

from .deeplab_resnet import DeepLabResNet
from .efficientnet_lite import EfficientNetLite0
from .hf_backbone import HFBackbone
from .mit import MiT

__all__ = ['DeepLabResNet', 'EfficientNetLite0', 'HFBackbone', 'MiT']
