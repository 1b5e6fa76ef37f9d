"""The colour changes and the blur under which mixed images are learnt."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from torch import Tensor

from i2vda_mmseg.ops import add_brightness, adjust_brightness, gaussian_blur, scale_saturation, shift_hue


@TRANSFORMS.register_module()
class DACSAugmentation(BaseTransform):
    """Change the colours of, and blur, a batch of images as DACS and its successors do.

    Whether colours change and whether images are blurred is drawn once for the batch, all else for each image. The
    colour changes are those of kornia 0.5.8: brightness *adds* U(-b, b) of the full range, contrast *multiplies* the
    pixel by U(1 - c, 1 + c), saturation multiplies that of HSV by U(1 - s, 1 + s), hue turns by U(-h, h) of the colour
    circle; in random order, each clamped. They are not torchvision's, which ``StrongAugmentation`` has.

    Required and modified keys: ``frames`` ((N, 3, H, W), floating point, RGB 0..255). Draws come from torch's global
    CPU generator, which training seeds for each iteration.

    Args:
        jitter: Strength b, c, s and h of the four changes; 0.2 each in the released codes.
        jitter_prob: Probability of the colour changes.
        blur_sigmas: Range of the standard deviation in pixels.
        blur_prob: Probability of the blur.

    Raises:
        ValueError: If ``jitter`` has not four numbers, or a probability leaves [0, 1].

    Example:
        >>> augment = DACSAugmentation(jitter_prob=0, blur_prob=0)
        >>> augment(dict(frames=torch.full((2, 3, 4, 5), 9.)))['frames'].unique()
        tensor([9.])
    """

    def __init__(
        self,
        jitter: Sequence[float] = (0.2, 0.2, 0.2, 0.2),
        jitter_prob: float = 0.8,
        blur_sigmas: Sequence[float] = (0.15, 1.15),
        blur_prob: float = 0.5,
    ) -> None:
        if len(jitter) != 4:
            raise ValueError(f'jitter needs four numbers, got {jitter}')
        for name, value in (('jitter_prob', jitter_prob), ('blur_prob', blur_prob)):
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must lie in [0, 1], got {value}')
        self.jitter = tuple(jitter)
        self.jitter_prob = jitter_prob
        self.blur_sigmas = (blur_sigmas[0], blur_sigmas[1])
        self.blur_prob = blur_prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the images."""
        frames = results['frames']
        jitters, blurs = _uniform(0, 1) < self.jitter_prob, _uniform(0, 1) < self.blur_prob
        if jitters:
            frames = torch.stack([self._change_colors(frame) for frame in frames])
        if blurs:
            frames = torch.stack([self._blur(frame) for frame in frames])
        return {**results, 'frames': frames}

    def _change_colors(self, frame: Tensor) -> Tensor:
        brightness, contrast, saturation, hue = self.jitter
        steps: list[tuple[Callable[[Tensor, float], Tensor], float, float]] = [
            (add_brightness, -brightness, brightness),
            (adjust_brightness, 1 - contrast, 1 + contrast),  # what kornia 0.5.8 calls contrast
            (scale_saturation, 1 - saturation, 1 + saturation),
            (shift_hue, -hue, hue),
        ]
        for i in torch.randperm(len(steps)).tolist():
            change, low, high = steps[i]
            frame = change(frame, _uniform(low, high))
        return frame

    def _blur(self, frame: Tensor) -> Tensor:
        radius = blur_radius(max(frame.shape[-2:]))
        radius = min(radius, min(frame.shape[-2:]) - 1)  # a reflected border has no more
        return gaussian_blur(frame, _uniform(*self.blur_sigmas), radius, border='reflect')


def blur_radius(side: int) -> int:
    """Give half the kernel of a side in pixels: a kernel of a tenth of it, made odd.

    Example:
        >>> [2 * blur_radius(side) + 1 for side in (512, 1024)]
        [51, 103]
    """
    tenth = math.ceil(0.1 * side)
    return (tenth - 1) // 2 if tenth % 2 else tenth // 2 - 1


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), dtype=torch.float64).item()
