"""Blur and colour changes that a student must see through."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from torch import Tensor

from i2vda_mmseg.ops import adjust_brightness, adjust_contrast, adjust_saturation, gaussian_blur, grayscale, shift_hue


@TRANSFORMS.register_module()
class StrongAugmentation(BaseTransform):
    """Blur, change the colours of, and take the colour from the frames of one sample, all frames alike.

    Each of the three happens with a probability of its own: a Gaussian blur; then brightness, contrast and saturation
    by a factor from U(1 - x, 1 + x) and hue by U(-x, x) of the colour circle, in random order; then grey. Works on one
    sample in a data pipeline and, sample by sample, inside a model; draws come from torch's global CPU generator,
    which training seeds for each iteration.

    Required and modified keys: ``frames`` ((T, 3, H, W), floating point, RGB 0..255).

    Args:
        blur_sigmas: Standard deviations in pixels, one of which is drawn; as ``dict(low=..., high=...)``, from that
            range.
        blur_prob: Probability of the blur.
        jitter: Ranges x of brightness, contrast, saturation and hue; hue at most 0.5.
        jitter_prob: Probability of the colour changes.
        gray_prob: Probability of grey.

    Raises:
        ValueError: If there is no sigma, a range has other keys, ``jitter`` has not four numbers, or a probability
            leaves [0, 1].

    Example:
        >>> augment = StrongAugmentation(blur_prob=0, jitter_prob=0, gray_prob=0)
        >>> augment(dict(frames=torch.full((2, 3, 4, 5), 9.)))['frames'].unique()
        tensor([9.])
    """

    def __init__(
        self,
        blur_sigmas: Sequence[float] | Mapping[str, float] = (5.0, 7.0, 9.0),
        blur_prob: float = 0.6,
        jitter: Sequence[float] = (0.8, 0.8, 0.8, 0.2),
        jitter_prob: float = 0.8,
        gray_prob: float = 0.2,
    ) -> None:
        if not blur_sigmas or len(jitter) != 4:
            raise ValueError(f'need one of blur_sigmas and four of jitter, got {blur_sigmas} and {jitter}')
        if isinstance(blur_sigmas, Mapping) and set(blur_sigmas) != {'low', 'high'}:
            raise ValueError(f'a range of blur_sigmas has low and high, got {dict(blur_sigmas)}')
        for name, value in (('blur_prob', blur_prob), ('jitter_prob', jitter_prob), ('gray_prob', gray_prob)):
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must lie in [0, 1], got {value}')
        self.blur_sigmas = dict(blur_sigmas) if isinstance(blur_sigmas, Mapping) else tuple(blur_sigmas)
        self.blur_prob = blur_prob
        self.jitter = tuple(jitter)
        self.jitter_prob = jitter_prob
        self.gray_prob = gray_prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the frames."""
        frames = results['frames']
        if _uniform() < self.blur_prob:
            frames = gaussian_blur(frames, self._draw_sigma())
        if _uniform() < self.jitter_prob:
            frames = self._change_colors(frames)
        if _uniform() < self.gray_prob:
            frames = grayscale(frames)
        return {**results, 'frames': frames}

    def _draw_sigma(self) -> float:
        if isinstance(self.blur_sigmas, dict):
            low, high = self.blur_sigmas['low'], self.blur_sigmas['high']
            return low + (high - low) * _uniform()
        return self.blur_sigmas[int(torch.randint(len(self.blur_sigmas), ()))]

    def _change_colors(self, frames: Tensor) -> Tensor:
        brightness, contrast, saturation, hue = self.jitter
        steps: list[tuple[Callable[[Tensor, float], Tensor], float, float]] = [
            (adjust_brightness, max(0.0, 1 - brightness), 1 + brightness),
            (adjust_contrast, max(0.0, 1 - contrast), 1 + contrast),
            (adjust_saturation, max(0.0, 1 - saturation), 1 + saturation),
            (shift_hue, -hue, hue),
        ]
        for i in torch.randperm(len(steps)).tolist():
            change, low, high = steps[i]
            frames = change(frames, low + (high - low) * _uniform())
        return frames


def _uniform() -> float:
    return torch.rand((), dtype=torch.float64).item()
