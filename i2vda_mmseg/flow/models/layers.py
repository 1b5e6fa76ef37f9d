"""What mmflow's networks are given in place of its own layers: input normalisation and correlation."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from i2vda_mmseg import ops


class InputNormalization(nn.Module):
    """What mmflow's ``FlowDataPreprocessor`` does to frames at test time, starting from RGB.

    Args:
        type: Its name in a config; 'FlowDataPreprocessor' is the only one known.
        mean: Subtracted from each channel, in the order of the network's channels. None: nothing is. 'pair': the mean
            of the channel over both frames, as NVIDIA's FlowNet2 needs (not in mmflow).
        std: What each channel is divided by afterwards. None: 1.
        bgr_to_rgb: The network was trained on RGB. mmflow reads images as BGR.
        rgb_to_bgr: Swaps the channels as well, as in mmflow.
        **training: Ignored: the noise of mmflow's training.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        type: str = 'FlowDataPreprocessor',  # noqa: A002 - the key of a config
        mean: Sequence[float] | str | None = None,
        std: Sequence[float] | None = None,
        bgr_to_rgb: bool = False,
        rgb_to_bgr: bool = False,
        **training: Any,
    ) -> None:
        super().__init__()
        if type != 'FlowDataPreprocessor':
            raise ValueError(f"data_preprocessor of a flow model must be a 'FlowDataPreprocessor', got {type!r}")
        self.is_rgb = bgr_to_rgb or rgb_to_bgr
        self.is_mean_of_pair = mean == 'pair'
        fixed = [0.0] if mean is None or self.is_mean_of_pair else mean
        self.register_buffer('mean', torch.tensor(fixed).view(-1, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std or [1.0]).view(-1, 1, 1), persistent=False)

    def forward(self, frame_a: Tensor, frame_b: Tensor) -> tuple[Tensor, Tensor]:
        """Turn RGB frames (N, 3, H, W) in 0..255 into network input."""
        if not self.is_rgb:
            frame_a, frame_b = frame_a.flip(1), frame_b.flip(1)
        mean = torch.cat((frame_a, frame_b), -1).mean((2, 3), keepdim=True) if self.is_mean_of_pair else self.mean
        return (frame_a - mean) / self.std, (frame_b - mean) / self.std


class Correlation(ops.Correlation):
    """``ops.Correlation`` that also takes ``stride``, as LiteFlowNet2 needs. mmflow's registry looks for its name.

    Args:
        stride: Distance of the pixels of the first frame that are looked at, >= 1.
        **kwargs: As for ``ops.Correlation``.
    """

    def __init__(self, *, stride: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = stride

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Correlate two feature maps (N, C, H, W) at every ``stride``-th pixel."""
        dilation, step = self.dilation_patch, (..., slice(None, None, self.stride), slice(None, None, self.stride))
        if dilation % self.stride == 0 and not self.padding:  # displacements only reach pixels that stay
            return ops.correlation(input1[step], input2[step], self.max_displacement, dilation // self.stride)
        return ops.correlation(input1, input2, self.max_displacement, dilation, padding=self.padding)[step]
