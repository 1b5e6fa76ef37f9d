"""Where a prediction is wrong, and where it changes from one frame to the next, on a pale picture of the frame."""

import numpy as np

from i2vda_mmseg.ops import IGNORE_INDEX

WRONG, CHANGED = (214, 31, 38), (138, 43, 226)  # red, violet: both darker than the pale frame, whatever the eye
LEFT_OUT = (28, 30, 34)
_PALE = 0.4  # contrast that is left of the frame


def errors_to_rgb(frame: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Draw wrong pixels red and those without a label black: (H, W, 3), uint8, RGB.

    Args:
        frame: (H, W, 3), uint8, RGB.
        predicted: (H, W), class indices.
        truth: (H, W), class indices and 255 = no label.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> errors_to_rgb(np.full((1, 3, 3), 255, np.uint8), np.array([[1, 1, 1]]), np.array([[1, 0, 255]])).tolist()
        [[[255, 255, 255], [214, 31, 38], [28, 30, 34]]]
    """
    labelled = truth != IGNORE_INDEX
    return _marked(frame, labelled & (predicted != truth), ~labelled, WRONG)


def changes_to_rgb(frame: np.ndarray, changed: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Draw pixels whose class changes violet, and those that are not compared black: (H, W, 3), uint8, RGB.

    Args:
        frame: (H, W, 3), uint8, RGB.
        changed: (H, W), bool.
        valid: (H, W), bool: True where the pixel is seen in both frames.

    Raises:
        ValueError: If the shapes differ.
    """
    return _marked(frame, changed & valid, ~valid, CHANGED)


def _marked(frame: np.ndarray, marked: np.ndarray, left_out: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    if not frame.shape[:2] == marked.shape == left_out.shape:
        raise ValueError(f'a frame of {frame.shape[:2]} (H, W) and maps of {marked.shape} and {left_out.shape}')
    grey = frame.astype(np.float32).mean(2, keepdims=True)
    picture = np.repeat(np.round(255 - _PALE * (255 - grey)).astype(np.uint8), 3, axis=2)
    picture[left_out] = LEFT_OUT
    picture[marked] = colour
    return picture
