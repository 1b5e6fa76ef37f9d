"""One rendered frame, and what geometry knows about it."""

from dataclasses import dataclass

import numpy as np

from .classes import raw_labels


@dataclass(frozen=True)
class Frame:
    """A rendered frame.

    Attributes:
        rgb: (H, W, 3), uint8.
        classes: (H, W), uint8, positions in ``CLASS_NAMES``.
        surfaces: (H, W), int32, the planar surface seen at each pixel centre; the same number in every frame of a clip.
        homographies: (S, 3, 3), float64, for every surface: its coordinates in metres to homogeneous pixels whose third
            component is the depth in metres.
        time: In frames since the clip's start.
    """

    rgb: np.ndarray
    classes: np.ndarray
    surfaces: np.ndarray
    homographies: np.ndarray
    time: int

    def labels(self, dataset: str) -> np.ndarray:
        """Raw label ids (H, W), uint8, as 'viper', 'synthia' or 'cityscapes' numbers them."""
        return raw_labels(self.classes, dataset)
