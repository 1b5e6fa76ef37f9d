"""Bringing logits and labels to another size."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def upsample(logits: Tensor, size: Sequence[int], align_corners: bool = True) -> Tensor:
    """Resize logits bilinearly to the image's size, as the paper does with every prediction before its loss.

    Args:
        logits: (N, C, h, w), floating point.
        size: (H, W) of the image.
        align_corners: True for DeepLab-v2: outermost pixel centres coincide.

    Returns:
        (N, C, H, W).

    Example:
        >>> import torch
        >>> upsample(torch.tensor([[[[0., 2.]]]]), (1, 3))
        tensor([[[[0., 1., 2.]]]])
    """
    return F.interpolate(logits, size=tuple(size), mode='bilinear', align_corners=align_corners)


def resize_labels(labels: Tensor, size: Sequence[int]) -> Tensor:
    """Resize a label map: each pixel gets the label of the nearest one.

    Args:
        labels: (N, h, w), int64, 0..255.
        size: (H, W).

    Returns:
        (N, H, W), int64.

    Example:
        >>> import torch
        >>> resize_labels(torch.tensor([[[1, 255]]]), (1, 4))
        tensor([[[  1,   1, 255, 255]]])
    """
    return F.interpolate(labels[:, None].float(), size=tuple(size), mode='nearest')[:, 0].long()
