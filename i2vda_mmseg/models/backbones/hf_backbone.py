"""Backbones of Hugging Face's transformers."""

from importlib import import_module
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor


def transformers() -> Any:
    """Import transformers.

    Raises:
        ImportError: If it is not installed, with the command to run.
    """
    try:
        return import_module('transformers')
    except ImportError as error:
        raise ImportError(f'networks of Hugging Face need transformers ({error}): pip install transformers') from error


@MODELS.register_module()
class HFBackbone(BaseModule):
    """A backbone of transformers (DINOv2, ConvNeXt, Swin...): the feature maps of its ``out_features``.

    Args:
        config: ``model_type`` and what its configuration takes: sizes, ``out_features`` or ``out_indices``.
        pretrained: Folder or name on the hub of the weights; None: random ones.
        multiple: Images are resized to the nearest multiples of this many pixels, at least one: the patch size of
            transformers that would cut off what is beyond the last patch.
        init_cfg: mmengine's.
    """

    def __init__(
        self, config: dict, pretrained: str | None = None, multiple: int = 1, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        library, config = transformers(), dict(config)
        settings = library.AutoConfig.for_model(config.pop('model_type'), **config)
        if pretrained is None:
            self.model = library.AutoBackbone.from_config(settings)
        else:
            self.model = library.AutoBackbone.from_pretrained(pretrained, config=settings)
        self.multiple = multiple

    def init_weights(self) -> None:
        """Keep the weights that transformers drew or loaded."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Give the feature maps (N, C, h, w) of images (N, 3, H, W), from fine to coarse."""
        size = [max(round(side / self.multiple), 1) * self.multiple for side in images.shape[-2:]]
        if size != list(images.shape[-2:]):
            images = F.interpolate(images, size, mode='bilinear', align_corners=False)
        return tuple(self.model(images).feature_maps)
