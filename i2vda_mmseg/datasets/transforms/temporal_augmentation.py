"""Temporal augmentation, Sec. 3.3 of the paper."""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from torch import Tensor

from i2vda_mmseg.ops import interpolate_frame

_KEYS = ('frame_0', 'frame_1', 'flow_01', 'flow_10')


@TRANSFORMS.register_module()
class TemporalAugmentation(BaseTransform):
    """Synthesise a frame between two consecutive ones at a random time, Eq. 2 and 3.

    Works on one sample in a data pipeline (a time per sample, from the sample's seed and position in training) and on
    a batch inside a model (one time an iteration for the whole batch, the same on every rank).

    Required keys: ``frame_0``, ``frame_1`` ((3, H, W) or (N, 3, H, W), RGB 0..255), ``flow_01``, ``flow_10``
    ((2, H, W) or (N, 2, H, W), pixels; ``flow_ab`` on frame a's grid); or the arrays of a data pipeline, frames
    (H, W, 3), BGR, and flows (H, W, 2). Optional key: ``t_seed`` (int), which makes the random time a function of that
    number, wherever it is drawn.

    Added keys: ``frame_t`` (kind and shape of the frames, floating point, 0..255), ``t`` (float),
    ``temporal_augmentation`` (str, these settings: what makes I_t in the pipeline must be what the model says).

    Args:
        alpha: Weight of frame 0 in Eq. 3, in [0, 1].
        t: 'random' for U(0, 1), or a fixed time in [0, 1].

    Raises:
        ValueError: If ``alpha`` or ``t`` leaves [0, 1].
        KeyError: If a required key is absent from the sample.

    Example:
        >>> augment = TemporalAugmentation(alpha=1.0, t=0.0)
        >>> frames = dict(frame_0=torch.zeros(3, 2, 4), frame_1=torch.ones(3, 2, 4))
        >>> flows = dict(flow_01=torch.zeros(2, 2, 4), flow_10=torch.zeros(2, 2, 4))
        >>> augment(frames | flows)['frame_t'].unique()
        tensor([0.])
    """

    def __init__(self, alpha: float = 0.5, t: float | str = 'random') -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f'alpha must lie in [0, 1], got {alpha}')
        if t != 'random' and (isinstance(t, str) or not 0 <= t <= 1):
            raise ValueError(f"t must be 'random' or a number in [0, 1], got {t!r}")
        self.alpha = alpha
        self.t = t

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``frame_t`` and ``t`` to the sample."""
        missing = [key for key in _KEYS if key not in results]
        if missing:
            raise KeyError(f'TemporalAugmentation needs the keys {list(_KEYS)}; the sample lacks {missing}')
        t = self.draw_t(results.get('t_seed'))
        frame_0, frame_1, flow_01, flow_10 = (_batched(results[key]) for key in _KEYS)
        frame_t = interpolate_frame(frame_0, frame_1, flow_01, flow_10, t=t, alpha=self.alpha)
        results.update(frame_t=_like(results['frame_0'], frame_t), t=t, temporal_augmentation=repr(self))
        return results

    def draw_t(self, seed: int | None = None) -> float:
        """Give the time of the next frame: fixed, or U(0, 1) from ``seed`` or torch's global CPU generator."""
        if not isinstance(self.t, str):
            return float(self.t)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return torch.rand((), generator=generator, dtype=torch.float64).item()

    def __repr__(self) -> str:
        return f'{type(self).__name__}(alpha={self.alpha}, t={self.t!r})'


def _batched(x: Tensor | np.ndarray) -> Tensor:
    if isinstance(x, np.ndarray):
        x = torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))
    x = x if x.is_floating_point() else x.float()
    return x if x.ndim == 4 else x[None]


def _like(frame: Tensor | np.ndarray, frames: Tensor) -> Tensor | np.ndarray:
    """Give what was computed as a batch the kind and shape of what came in."""
    if isinstance(frame, np.ndarray):
        return frames[0].permute(1, 2, 0).numpy()
    return frames if frame.ndim == 4 else frames[0]
