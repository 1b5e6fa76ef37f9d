"""Backbones."""

from .deeplab_resnet import DeepLabResNet
from .efficientnet_lite import EfficientNetLite0
from .hf_backbone import HFBackbone
from .lora import LoRALinear, add_lora, merge_lora
from .mit import MiT

__all__ = ['DeepLabResNet', 'EfficientNetLite0', 'HFBackbone', 'LoRALinear', 'MiT', 'add_lora', 'merge_lora']
