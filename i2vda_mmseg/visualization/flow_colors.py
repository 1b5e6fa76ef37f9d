"""Optical flow as colours."""

import numpy as np

from i2vda_mmseg.flow.formats import known


def flow_to_rgb(flow: np.ndarray, max_magnitude: float | None = None) -> np.ndarray:
    """Colour each flow vector, (H, W, 3), uint8, RGB: the hue is its direction, the saturation its length.

    Convention:
        - flow in pixels; channel 0 is x to the right, 1 is y down
        - red = right, yellow-green = down, cyan = left, violet = up: the HSV circle, clockwise on the screen
        - zero is white; vectors of ``max_magnitude`` and longer have the full colour
        - a vector with a component that is not finite, or marked as unknown (more than 1e9), is black

    Args:
        flow: (H, W, 2), any real type, pixels.
        max_magnitude: Length with the full colour, in pixels; None takes the longest known vector. Give a number
            to compare pictures with each other.

    Raises:
        ValueError: If ``flow`` is not (H, W, 2), or ``max_magnitude`` is not a positive number.

    Example:
        >>> flow_to_rgb(np.array([[[0.0, 0.0], [4.0, 0.0], [-2.0, 0.0], [np.nan, 0.0]]]), max_magnitude=4).tolist()
        [[[255, 255, 255], [255, 0, 0], [128, 255, 255], [0, 0, 0]]]
    """
    flow = np.asarray(flow)
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f'a flow field has the shape (H, W, 2), got {flow.shape}')
    if max_magnitude is not None and not 0 < max_magnitude < np.inf:
        raise ValueError(f'max_magnitude must be a positive number of pixels or None, got {max_magnitude}')
    is_known = known(flow)
    x, y = np.where(is_known, np.moveaxis(flow.astype(np.float64), 2, 0), 0.0)
    magnitude = np.hypot(x, y)
    scale = max_magnitude or magnitude.max(initial=0.0) or 1.0
    saturation = np.clip(magnitude / scale, 0, 1)[..., None]
    rgb = np.round(255 * (1 - saturation * (1 - _hue_to_rgb(np.arctan2(y, x)))))
    return np.where(is_known[..., None], rgb, 0).astype(np.uint8)


def _hue_to_rgb(angle: np.ndarray) -> np.ndarray:
    """Give the pure colour of an angle (H, W) in radians, 0 = red: (H, W, 3) in [0, 1]."""
    # Each channel is full within 60 degrees of its own direction and falls off over the next 60.
    distance = np.abs((angle[..., None] - np.radians([0, 120, 240]) + np.pi) % (2 * np.pi) - np.pi)
    return np.clip(2 - distance / (np.pi / 3), 0, 1)
