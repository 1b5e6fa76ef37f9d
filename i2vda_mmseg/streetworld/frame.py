"""One rendered frame, what geometry knows about it, and the optical flow to another."""

from dataclasses import dataclass

import numpy as np

from .classes import raw_labels


@dataclass(frozen=True)
class Frame:
    """A rendered frame."""

    rgb: np.ndarray  # (H, W, 3), uint8
    classes: np.ndarray  # (H, W), uint8, positions in ``CLASS_NAMES``
    # (H, W), int32, the planar surface seen at each pixel centre; the same number in every frame of a clip
    surfaces: np.ndarray
    # (S, 3, 3), float64, for every surface: its coordinates in metres to homogeneous pixels whose third component
    # is the depth in metres
    homographies: np.ndarray
    time: int  # in frames since the clip's start

    def labels(self, dataset: str) -> np.ndarray:
        """Raw label ids (H, W), uint8, as 'viper', 'synthia' or 'cityscapes' numbers them."""
        return raw_labels(self.classes, dataset)


def exact_flow(frame_a: Frame, frame_b: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Where the surface points seen in frame a are in frame b.

    Every pixel shows a point of a planar surface, and a plane that moves rigidly is mapped from one view to another by
    a homography; the flow is that homography minus the identity. Shadows are paint on the ground: their pixels
    have the ground's flow.

    Convention:
        - flow in pixels; channel 0 is u (right), channel 1 is v (down), on frame a's grid
        - pixel centres on integers
        - a point is visible in b if it lies in front of b's camera and the pixel of b nearest to it belongs to b's
          frame and shows the same surface; positions are therefore tolerated up to half a pixel at outlines

    Returns:
        Flow (H, W, 2), float32, and ``visible`` (H, W), bool, True = the point is visible in frame b.

    Raises:
        ValueError: If the frames cannot be of one clip.
    """
    if frame_a.homographies.shape != frame_b.homographies.shape or frame_a.surfaces.shape != frame_b.surfaces.shape:
        raise ValueError(
            'Exact flow needs two frames of one clip, but these have '
            f'{len(frame_a.homographies)} and {len(frame_b.homographies)} surfaces '
            f'and sizes {frame_a.surfaces.shape} and {frame_b.surfaces.shape}.'
        )
    height, width = frame_a.surfaces.shape
    present, index = np.unique(frame_a.surfaces, return_inverse=True)
    between = frame_b.homographies[present] @ np.linalg.inv(frame_a.homographies[present])
    y, x = np.mgrid[:height, :width].astype(np.float64)
    rows = between.reshape(-1, 9)[index.reshape(height, width)]
    # The pixel of a enters with depth 1, so the third component is b's depth over a's: positive means in front.
    u, v, ratio = (rows[..., k] * x + rows[..., k + 1] * y + rows[..., k + 2] for k in (0, 3, 6))
    in_front = ratio > 0
    ratio = np.where(in_front, ratio, 1.0)
    flow = np.stack([u / ratio - x, v / ratio - y], axis=-1).astype(np.float32)
    column, row = np.rint(x + flow[..., 0]), np.rint(y + flow[..., 1])
    inside = in_front & (column >= 0) & (row >= 0) & (column < width) & (row < height)
    nearest = row.clip(0, height - 1).astype(int), column.clip(0, width - 1).astype(int)
    return flow, inside & (frame_b.surfaces[nearest] == frame_a.surfaces)
