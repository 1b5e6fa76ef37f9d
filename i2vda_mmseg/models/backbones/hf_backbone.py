"""Backbones of Hugging Face's transformers."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule, initialize
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError, check_choice

from .lora import add_lora

_TUNINGS = ('full', 'lora', 'frozen')
_LORA = dict(rank=16, alpha=16.0, targets=('q_proj', 'v_proj'))
_BLOCK = re.compile(r'\blayer\.(\d+)\.')


def transformers() -> Any:
    """Import transformers.

    Raises:
        ImportError: If it is not installed, with the command to run.
    """
    try:
        return import_module('transformers')
    except ImportError as error:
        raise ImportError(
            f"networks of Hugging Face need transformers ({error}): pip install 'i2vda_mmseg[foundation]', which is "
            'pip install transformers'
        ) from error


@MODELS.register_module()
class HFBackbone(BaseModule):
    """A backbone of transformers (DINOv2, DINOv3, ConvNeXt, Swin...): the feature maps of its ``out_features``.

    Args:
        config: ``model_type`` and what its configuration takes: sizes, ``out_features`` or ``out_indices``.
        pretrained: Folder (``config.json``, ``model.safetensors``) or name on the hub of the weights, which are read
            when the weights are initialised; None: random ones.
        multiple: Images are resized to the nearest multiples of this many pixels, at least one: the patch size of
            transformers that would cut off what is beyond the last patch.
        scale: By which images are resized before that.
        tuning: What learns. 'full': all but the mask token; 'lora': an update of low rank of some linear layers;
            'frozen': nothing, in eval mode and without a graph.
        lora: ``rank`` (16), ``alpha`` (16) and ``targets`` (the queries' and values' projections) of tuning='lora'.
        init_cfg: mmengine's, of weights that replace those that transformers drew and ``pretrained`` named.

    Raises:
        ConfigError: If ``tuning`` is unknown, or ``lora`` is given without it; if the weights are not there, when they
            are initialised.
    """

    def __init__(
        self,
        config: dict,
        pretrained: str | None = None,
        multiple: int = 1,
        scale: float = 1.0,
        tuning: str = 'full',
        lora: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('model.segmentor.backbone.tuning', tuning, _TUNINGS)
        if lora is not None and tuning != 'lora':
            raise ConfigError(f"model.segmentor.backbone.lora: acts with tuning='lora', and tuning is {tuning!r}")
        library, config = transformers(), dict(config)
        self.settings = library.AutoConfig.for_model(config.pop('model_type'), **config)
        self.model = library.AutoBackbone.from_config(self.settings)
        self.pretrained = pretrained
        self.multiple = multiple
        self.scale = scale
        self.tuning = tuning
        if tuning != 'full':
            self.model.requires_grad_(False)
        if tuning == 'lora':
            add_lora(self.model, **(_LORA | (lora or {})))
        if self.has_mask_token:  # it takes part in some passes only
            self.model.embeddings.mask_token.requires_grad_(False)

    def init_weights(self) -> None:
        """Read the pretrained weights, or keep those that transformers drew, and then those of ``init_cfg``."""
        if self.pretrained is not None and not self.is_init:
            loaded = self._pretrained_model(self.pretrained)
            self.model.load_state_dict(loaded.state_dict(), strict=self.tuning != 'lora')
        if self.init_cfg and not self.is_init:
            initialize(self, self.init_cfg)
        self._is_init = True

    def _pretrained_model(self, name: str) -> Any:
        try:
            # of the very class of the network: AutoBackbone asks the hub even for a folder
            return type(self.model).from_pretrained(name, config=self.settings)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f'model.segmentor.backbone.pretrained: the weights of {name!r} could not be read ({error}). Bring its '
                'config.json and model.safetensors from the hub into a folder and give that with --cfg-options '
                'model.segmentor.backbone.pretrained=FOLDER, or start from random weights with '
                'model.segmentor.backbone.pretrained=None'
            ) from error

    def train(self, mode: bool = True) -> Any:
        """Set the mode; what is frozen stays in eval mode."""
        super().train(mode)
        if self.tuning == 'frozen':
            self.model.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Give the feature maps (N, C, h, w) of images (N, 3, H, W), from fine to coarse."""
        size = self._size(images.shape[-2:])
        if size != list(images.shape[-2:]):
            images = F.interpolate(images, size, mode='bilinear', align_corners=False)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.tuning != 'frozen'):
            return tuple(self.model(images).feature_maps)

    def _size(self, size: Sequence[int]) -> list[int]:
        return [max(round(side * self.scale / self.multiple), 1) * self.multiple for side in size]

    @property
    def has_mask_token(self) -> bool:
        """Whether the network was made to see images of which patches are hidden, as DINOv2 and DINOv3 were."""
        return getattr(getattr(self.model, 'embeddings', None), 'mask_token', None) is not None

    def grid(self, size: Sequence[int]) -> tuple[int, int]:
        """Give the rows and columns of patches of an image of (H, W) pixels."""
        height, width = self._size(size)
        return height // self.settings.patch_size, width // self.settings.patch_size

    @contextmanager
    def hiding(self, hidden: Tensor) -> Iterator[None]:
        """Let the mask token stand for patches in all forward passes meanwhile: (N, rows, columns), bool."""

        def _hide(_: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
            return args, dict(kwargs, bool_masked_pos=hidden.flatten(1))

        handle = self.model.embeddings.register_forward_pre_hook(_hide, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def layers_above(self, name: str) -> int:
        """Give the number of transformer blocks behind a parameter: all behind the embeddings, none behind the rest.

        Raises:
            ConfigError: If the network is none of equal blocks.
        """
        blocks = [int(match[1]) for each, _ in self.model.named_parameters() if (match := _BLOCK.search(each))]
        if not blocks:
            raise ConfigError(
                'optim_wrapper.segmentor.paramwise_cfg.layer_decay: goes by the blocks of a vision transformer, and '
                f'{type(self.model).__name__} has none'
            )
        depth = max(blocks) + 1
        if match := _BLOCK.search(name):
            return depth - 1 - int(match[1])
        return depth if 'embeddings.' in name else 0
