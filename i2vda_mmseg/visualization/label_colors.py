"""Labels and masks as colours."""

from collections.abc import Sequence

import numpy as np

IGNORE_INDEX = 255


def label_to_rgb(
    labels: np.ndarray, palette: Sequence[Sequence[int]], ignore_color: Sequence[int] = (0, 0, 0)
) -> np.ndarray:
    """Colour a label map.

    Args:
        labels: (H, W), any integer type; class indices and 255 = ignored.
        palette: One RGB colour in 0..255 a class.
        ignore_color: RGB of the ignored pixels.

    Returns:
        (H, W, 3), uint8, RGB.

    Raises:
        ValueError: If ``labels`` is no integer map (H, W), or holds a label without a colour.

    Example:
        >>> label_to_rgb(np.array([[1, 0, 255]]), [(128, 64, 128), (70, 130, 180)]).tolist()
        [[[70, 130, 180], [128, 64, 128], [0, 0, 0]]]
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f'labels must be integers of the shape (H, W), got {labels.dtype} of {labels.shape}')
    is_ignored = labels == IGNORE_INDEX
    unknown = ~is_ignored & ((labels < 0) | (labels >= len(palette)))
    if unknown.any():
        raise ValueError(
            f'label {labels[unknown][0]} has no colour: the palette has {len(palette)}, and {IGNORE_INDEX} is ignored'
        )
    colors = np.array([*palette, ignore_color], np.uint8)  # the last row is the ignored pixels'
    return colors[np.where(is_ignored, len(palette), labels)]


def mask_to_rgb(mask: np.ndarray) -> np.ndarray:
    """Draw a validity mask: True (keep) is white, False black.

    Args:
        mask: (H, W), bool.

    Returns:
        (H, W, 3), uint8, RGB.

    Raises:
        ValueError: If ``mask`` is not bool of the shape (H, W).

    Example:
        >>> mask_to_rgb(np.array([[True, False]])).tolist()
        [[[255, 255, 255], [0, 0, 0]]]
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f'a mask must be bool of the shape (H, W), got {mask.dtype} of {mask.shape}')
    return np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
