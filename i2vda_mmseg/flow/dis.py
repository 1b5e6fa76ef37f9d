"""Dense inverse search: real optical flow with no weights."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor

from .base import FlowEstimator

_PRESETS = {
    'ultrafast': cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    'fast': cv2.DISOPTICAL_FLOW_PRESET_FAST,
    'medium': cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@MODELS.register_module()
class DISFlow(FlowEstimator):
    """OpenCV's DIS optical flow (Kroeger et al., ECCV 2016), computed on the CPU from grey values.

    Args:
        preset: 'ultrafast', 'fast' or 'medium', OpenCV's own trade-offs between speed and quality.

    Raises:
        ValueError: If ``preset`` is unknown.

    Example:
        >>> frame = torch.zeros(1, 3, 16, 24)
        >>> DISFlow()(frame, frame).shape
        torch.Size([1, 2, 16, 24])
    """

    in_workers = True
    SMALLEST = 32  # pixels: below that, the coarsest level holds less than one patch

    def __init__(self, preset: str = 'medium') -> None:
        super().__init__(min_size=self.SMALLEST)
        if preset not in _PRESETS:
            raise ValueError(f'preset must be one of {sorted(_PRESETS)}, got {preset!r}')
        self.preset = preset

    def estimate(self, frame_a: Tensor, frame_b: Tensor, keys: Sequence[tuple[str, str]] | None) -> Tensor:
        """Run DIS on each pair of the batch; ``keys`` are not needed."""
        flows = [self._pair(a, b) for a, b in zip(_grey(frame_a), _grey(frame_b))]
        return torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2).to(frame_a.device).contiguous()

    def _pair(self, grey_a: np.ndarray, grey_b: np.ndarray) -> np.ndarray:
        # A fresh object each time: it keeps its last flow as a start value, which would make results depend on history.
        return cv2.DISOpticalFlow.create(_PRESETS[self.preset]).calc(grey_a, grey_b, None)  # type: ignore[call-overload]


def _grey(frames: Tensor) -> list[np.ndarray]:
    """Turn RGB frames (N, 3, H, W) in 0..255 into grey uint8 images (H, W)."""
    images = frames.detach().round().clamp(0, 255).to('cpu', torch.uint8).permute(0, 2, 3, 1).numpy()
    return [cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY) for image in images]
