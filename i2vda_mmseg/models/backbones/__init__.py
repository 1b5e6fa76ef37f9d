"""Backbones."""

from .deeplab_resnet import DeepLabResNet
from .hf_backbone import HFBackbone
from .mit import MiT

__all__ = ['DeepLabResNet', 'HFBackbone', 'MiT']
