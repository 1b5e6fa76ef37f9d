"""Logits and probabilities as arrays: resizing, labels."""

from collections.abc import Sequence

import numpy as np


def resize_scores(scores: np.ndarray, size: Sequence[int], align_corners: bool) -> np.ndarray:
    """Resize maps bilinearly, as ``ops.upsample`` does it with tensors.

    Args:
        scores: (C, h, w), float32.
        size: (H, W), in pixels.
        align_corners: Whether the centres of the outermost pixels coincide; otherwise their outer edges.

    Returns:
        (C, H, W), float32.

    Example:
        >>> resize_scores(np.array([[[0, 2]]], np.float32), (1, 3), align_corners=True).tolist()
        [[[0.0, 1.0, 2.0]]]
    """
    above, below, share = _neighbours(scores.shape[1], size[0], align_corners)
    rows = scores[:, above] + (scores[:, below] - scores[:, above]) * share[:, None]
    left, right, share = _neighbours(scores.shape[2], size[1], align_corners)
    return rows[:, :, left] + (rows[:, :, right] - rows[:, :, left]) * share


def best_labels(scores: np.ndarray) -> np.ndarray:
    """Take the class of the highest score, the first of equal ones: (C, H, W) to (H, W), uint8.

    Example:
        >>> best_labels(np.array([[[1.0, 0.0, 2.0]], [[0.0, 3.0, 2.0]]])).tolist()
        [[0, 1, 0]]
    """
    labels, best = np.zeros(scores.shape[1:], np.uint8), scores[0].copy()
    for index, score in enumerate(scores[1:], start=1):  # several times faster than argmax over the first axis
        np.copyto(labels, np.uint8(index), where=score > best)
        np.maximum(best, score, out=best)
    return labels


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits (C, H, W) into probabilities over the first axis."""
    exponents = np.exp(logits - logits.max(axis=0))
    return exponents / exponents.sum(axis=0)


def nearest_labels(labels: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize labels (h, w) to (H, W) = ``size``, each taken from the pixel over which its centre lies."""
    if labels.shape == tuple(size):
        return labels
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(int), old - 1) for new, old in zip(size, labels.shape)
    )
    return labels[rows][:, columns]


def _neighbours(old: int, new: int, align_corners: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two old pixels between which each new one lies, and how far it is from the first to the second."""
    if align_corners:
        place = np.arange(new) * ((old - 1) / max(new - 1, 1))
    else:
        place = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    first = np.minimum(place.astype(int), old - 1)
    return first, np.minimum(first + 1, old - 1), (place - first).astype(np.float32)
