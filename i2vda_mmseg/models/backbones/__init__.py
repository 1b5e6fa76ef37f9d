"""Backbones."""

from .deeplab_resnet import DeepLabResNet
from .hf_backbone import HFBackbone

__all__ = ['DeepLabResNet', 'HFBackbone']
