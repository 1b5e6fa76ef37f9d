"""A trained network as one function of frames, for export."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.backbones import merge_lora
from i2vda_mmseg.models.segmentors.base import DomainAdaptiveSegmentor
from i2vda_mmseg.runtime import OUTPUTS

from .checkpoints import load_weights


class FrameNetwork(nn.Module):
    """What an export computes: frames to logits, probabilities or labels of their size, normalisation inside.

    Args:
        model: A method of single frames, in evaluation mode.
        outputs: Names of ``runtime.OUTPUTS``, in the order in which they are given.

    Raises:
        ConfigError: If the model takes two frames, tests by sliding windows or pads to a fixed size; ValueError if an
            output is unknown.
    """

    def __init__(self, model: Any, outputs: Sequence[str] = ('logits',)) -> None:
        super().__init__()
        _check_exportable(model)
        if not outputs or (unknown := set(outputs) - set(OUTPUTS)):
            raise ValueError(f'outputs must be some of {", ".join(OUTPUTS)}, got {", ".join(unknown) or "none"}')
        self.model, self.outputs = model, tuple(outputs)

    @classmethod
    def load(cls, config: Config, checkpoint: str | Path, outputs: Sequence[str] = ('logits',)) -> 'FrameNetwork':
        """Build the model of a config and load its weights.

        Raises:
            ConfigError: As the constructor, or if the config is of a plain segmentor.
            ValueError: If the checkpoint does not fit.
        """
        init_default_scope(config.get('default_scope', 'mmseg'))
        model = MODELS.build(config.model).eval()
        network = cls(model, outputs)
        load_weights(model, checkpoint)
        merge_lora(model)
        return network.requires_grad_(False)

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Compute ``outputs`` of frames (N, 3, H, W), RGB in 0..255: scores (N, C, H, W) float32, labels (N, H, W)."""
        preprocessor = self.model.data_preprocessor
        height, width = frames.shape[-2:]
        images = preprocessor.normalize(frames.float())
        if divisor := (preprocessor.test_cfg or {}).get('size_divisor'):
            images = F.pad(images, (0, -width % divisor, 0, -height % divisor), value=preprocessor.pad_val)
        precision = next(self.model.segmentor.parameters()).dtype
        logits = self.model.predicted_logits(images.to(precision)).float()[..., :height, :width]
        results = dict(
            logits=lambda: logits,
            probs=lambda: logits.softmax(dim=1),
            labels=lambda: logits.argmax(dim=1).to(torch.uint8),
        )
        return tuple(results[name]() for name in self.outputs)


def _check_exportable(model: Any) -> None:
    """Refuse what is no function of one frame of any size."""
    if getattr(model, 'fuses_frames', False):
        raise ConfigError(
            f"model.type: {type(model).__name__}'s network takes the frame before and the optical flow to it, which an "
            'exported network of one frame does not have, and no runtime estimates; test it with tools/test.py, or '
            'export a method of single frames'
        )
    if not isinstance(model, DomainAdaptiveSegmentor):
        raise ConfigError(
            f'model.type: {type(model).__name__} is no method of this project; give the config of the method, which '
            'takes checkpoints of a plain EncoderDecoder as well'
        )
    if (getattr(model.segmentor, 'test_cfg', None) or {}).get('mode', 'whole') == 'slide':
        raise ConfigError(
            "model.segmentor.test_cfg.mode: 'slide' cuts a frame into windows, as many as its size asks for, which one "
            'graph for all sizes cannot; export with --cfg-options model.segmentor.test_cfg.mode=whole if that does'
        )
    if (model.data_preprocessor.test_cfg or {}).get('size'):
        raise ConfigError(
            'model.data_preprocessor.test_cfg.size: frames are padded to one size, but an export takes any; set '
            'size_divisor instead'
        )
