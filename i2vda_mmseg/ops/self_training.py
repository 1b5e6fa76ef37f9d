"""Networks that learn from their own predictions: the teacher, how sure it is, and what is seen how often."""

from collections.abc import Sequence

import torch
from torch import Tensor


def ema_decay(iteration: int, cap: float = 0.999) -> float:
    """Decay of a teacher's exponential moving average, ``min(1 - 1 / (iteration + 1), cap)``.

    0 at iteration 0, where the teacher becomes a copy. Below the cap the teacher is the arithmetic mean of all students
    so far (Tarvainen and Valpola, NeurIPS 2017; DACS, Tranheden et al., WACV 2021).

    Args:
        iteration: Iteration, from 0.
        cap: Largest decay, in [0, 1].

    Returns:
        Weight of the teacher; the student's is the rest to 1.

    Example:
        >>> ema_decay(0), ema_decay(3), ema_decay(5000)
        (0.0, 0.75, 0.999)
    """
    return min(1 - 1 / (iteration + 1), cap)


def confident_share(probs: Tensor, threshold: float = 0.968) -> Tensor:
    """Share of the pixels of a batch whose largest probability is at least ``threshold``: DACS's quality estimate.

    Args:
        probs: (N, C, H, W), softmax.
        threshold: In [0, 1]; 0.968 in DACS and its successors.

    Returns:
        A scalar in [0, 1], float32, on the device of ``probs``.

    Example:
        >>> confident_share(torch.tensor([[0.99, 0.5], [0.01, 0.5]]).view(1, 2, 1, 2))
        tensor(0.5000)
    """
    return (probs.amax(dim=1) >= threshold).float().mean()


def within_margins(
    size: Sequence[int], top: int = 0, bottom: int = 0, left: int = 0, right: int = 0
) -> tuple[slice, slice]:
    """Give the rows and the columns of an image between its margins.

    Args:
        size: (H, W).
        top: Rows at the top, at least 0; the others likewise.
        bottom: Rows at the bottom.
        left: Columns on the left.
        right: Columns on the right.

    Returns:
        Two slices.

    Raises:
        ValueError: If a margin is negative, or nothing is left between them.

    Example:
        >>> within_margins((96, 192), top=15, bottom=20)
        (slice(15, 76, None), slice(0, 192, None))
    """
    height, width = size
    if min(top, bottom, left, right) < 0:
        raise ValueError(f'margins must not be negative, got {top}, {bottom}, {left}, {right}')
    if top + bottom >= height or left + right >= width:
        raise ValueError(
            f'margins of {top} rows at the top, {bottom} at the bottom, {left} columns on the left and {right} on the '
            f'right leave nothing of an image of {height}x{width} (H x W)'
        )
    return slice(top, height - bottom), slice(left, width - right)


def rare_class_probabilities(share: Tensor | Sequence[float], temperature: float = 0.01) -> Tensor:
    """Chance of each class in rare class sampling, ``softmax((1 - share) / T)`` (DAFormer, Hoyer et al., Eq. 10).

    Args:
        share: (C,), share of each class in all labelled pixels, in [0, 1].
        temperature: T, positive; 0.01 in DAFormer, 0.05 in VFM-UDA. The larger, the more alike the chances.

    Returns:
        (C,), float64, of sum 1.

    Raises:
        ValueError: If ``temperature`` is not positive.

    Example:
        >>> rare_class_probabilities([0.7, 0.2, 0.1], temperature=0.05).numpy().round(4)
        array([0.    , 0.1192, 0.8808])
    """
    if temperature <= 0:
        raise ValueError(f'temperature must be positive, got {temperature}')
    return ((1 - torch.as_tensor(share, dtype=torch.float64)) / temperature).softmax(dim=0)
