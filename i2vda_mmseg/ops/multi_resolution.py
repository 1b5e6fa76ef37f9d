"""Predictions of a whole picture and of its details, fused: HRDA."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .resize import upsample


class Box(NamedTuple):
    """Part of a picture, in pixels: rows ``top`` to ``bottom``, columns ``left`` to ``right``, ends left out."""

    top: int
    bottom: int
    left: int
    right: int

    def scaled(self, divisor: int) -> 'Box':
        """Give the box on a grid whose cells are ``divisor`` pixels."""
        return Box(*(side // divisor for side in self))

    def cut(self, picture: Tensor) -> Tensor:
        """Cut the box out of (..., H, W)."""
        return picture[..., self.top : self.bottom, self.left : self.right]


def windows(size: Sequence[int], window: Sequence[int]) -> list[Box]:
    """Cover a picture with windows that overlap by half; the last of a row or column ends with the picture.

    Args:
        size: (H, W) of the picture.
        window: (h, w) of a window, in a smaller picture its side.

    Example:
        >>> len(windows((1024, 1024), (512, 512))), windows((8, 12), (8, 8))[-1]
        (9, Box(top=0, bottom=8, left=4, right=12))
    """
    starts = [_starts(side, min(part, side)) for side, part in zip(size, window)]
    height, width = (min(part, side) for side, part in zip(size, window))
    return [Box(top, top + height, left, left + width) for top in starts[0] for left in starts[1]]


def _starts(side: int, part: int) -> list[int]:
    stride = max(1, part // 2)
    return sorted({*range(0, side - part, stride), side - part})


def averaged(parts: Sequence[Tensor], boxes: Sequence[Box], size: Sequence[int]) -> Tensor:
    """Lay predictions of boxes on one grid; where boxes overlap, the mean of their logits.

    Args:
        parts: (N, C, h, w), one a box.
        boxes: On the grid.
        size: (H, W) of the grid, all of it covered.

    Returns:
        (N, C, H, W).
    """
    total = parts[0].new_zeros(*parts[0].shape[:2], *size)
    count = parts[0].new_zeros(1, 1, *size)
    for part, box in zip(parts, boxes):
        box.cut(total).add_(part)
        box.cut(count).add_(1)
    return total / count


def fused(
    low: Tensor, detail: Tensor, attention: Tensor, box: Box | None = None, align_corners: bool = False
) -> Tensor:
    """Fuse the prediction of a context picture with that of its details (HRDA, Hoyer et al., ECCV 2022, Eq. 9).

    ``up((1 - a) low) + up(a) detail``, with the attention ``a`` set to 0 outside the box that the details cover.

    Args:
        low: (N, C, h, w), logits of the context, at half the resolution.
        detail: (N, C, y, x), logits of the details: of the box, or of everything.
        attention: (N, C, h, w), in [0, 1].
        box: Part of the (2h, 2w) grid that the details cover, on even rows and columns; None: everything.
        align_corners: Of the upsampling.

    Returns:
        (N, C, 2h, 2w).
    """
    size = (2 * low.shape[-2], 2 * low.shape[-1])
    if box is not None:
        inside = torch.zeros_like(attention)
        box.scaled(2).cut(inside).fill_(1)
        attention = attention * inside
        canvas = detail.new_zeros(*detail.shape[:2], *size)
        box.cut(canvas).copy_(detail)
        detail = canvas
    return upsample((1 - attention) * low, size, align_corners) + upsample(attention, size, align_corners) * detail
