"""The ResNet of DeepLab-v2."""

from typing import Any

from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS
from torch import nn


@MODELS.register_module()
class DeepLabResNet(ResNet):
    """mmseg's ``ResNet`` with the ceil-mode stem pooling of DeepLab-v2.

    The feature grid has H/8 + 1 rows instead of H/8: 65x129 for an image of 512x1024. The layer names are those of
    ``ResNet``, so its weights load. For the network of the paper: ``depth=101, style='caffe', strides=(1, 2, 1, 1),
    dilations=(1, 1, 2, 4), norm_cfg=dict(type='BN', requires_grad=False), norm_eval=False``.

    Args:
        depth: 18, 34, 50, 101 or 152.
        **kwargs: Those of ``mmseg.models.ResNet``.

    Example:
        >>> import torch
        >>> net = DeepLabResNet(depth=18, base_channels=4, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))
        >>> net(torch.zeros(1, 3, 64, 128))[-1].shape
        torch.Size([1, 32, 9, 17])
    """

    def __init__(self, depth: int, **kwargs: Any) -> None:
        super().__init__(depth, **kwargs)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True)
