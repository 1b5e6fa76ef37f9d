"""How far features are from where they started, and from prototypes."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .labels import IGNORE_INDEX


def majority_labels(labels: Tensor, size: Sequence[int], num_classes: int, min_share: float = 0.75) -> Tensor:
    """Bring labels to a coarse grid: the most frequent label of a cell, if it has at least ``min_share`` of it.

    Args:
        labels: (N, H, W), int64, classes and 255.
        size: (h, w) of the grid; H and W are multiples of it, or cells overlap.
        num_classes: Number of classes.
        min_share: In [0, 1]; a cell whose winner has less is ignored.

    Returns:
        (N, h, w), int64, 255 where ignored.

    Example:
        >>> majority_labels(torch.tensor([[[1, 1, 0, 1]]]), size=(1, 2), num_classes=2)
        tensor([[[  1, 255]]])
    """
    known = torch.where(labels == IGNORE_INDEX, num_classes, labels)
    one_hot = torch.zeros(len(labels), num_classes + 1, *labels.shape[1:], device=labels.device)
    shares = F.adaptive_avg_pool2d(one_hot.scatter(1, known[:, None], 1.0), (size[0], size[1]))
    share, winner = shares.max(dim=1)
    return winner.masked_fill((share < min_share) | (winner == num_classes), IGNORE_INDEX)


def feature_distance(features: Tensor, reference: Tensor, labels: Tensor, classes: Sequence[int]) -> Tensor:
    """Mean Euclidean distance of two feature maps over the cells of some classes (DAFormer, Hoyer et al., Eq. 11-13).

    Args:
        features: (N, C, h, w).
        reference: (N, C, h, w), of the network as it was.
        labels: (N, h, w), int64.
        classes: Those whose cells count, the things.

    Returns:
        A scalar, at least 0; without such a cell a zero whose gradient is zero.

    Example:
        >>> a, b = torch.zeros(1, 2, 1, 2), torch.tensor([[3., 3.], [4., 4.]]).view(1, 2, 1, 2)
        >>> feature_distance(a, b, torch.tensor([[[5, 0]]]), classes=[5])
        tensor(5.)
    """
    counted = torch.zeros_like(labels, dtype=torch.bool)
    for index in classes:
        counted |= labels == index
    distance = torch.linalg.vector_norm(features - reference, dim=1)
    return (distance * counted).sum() / counted.sum().clamp(min=1)


def nearest_distance(x: Tensor, prototypes: Tensor, filled: Tensor) -> Tensor:
    """Mean absolute difference of each vector from the nearest of its prototypes (CMOM, Cho et al., WACV 2023).

    Args:
        x: (n, D), floating point.
        prototypes: (n, K, D); no gradient goes back to those that are not the nearest.
        filled: (n, K), bool: which of them there are.

    Returns:
        (n,), at least 0; 0 with a gradient of 0 where there is no prototype.

    Example:
        >>> prototypes = torch.tensor([[[0., 0.], [4., 4.], [1., 3.]]])
        >>> nearest_distance(torch.tensor([[2., 3.]]), prototypes, torch.tensor([[True, True, False]]))
        tensor([1.5000])
    """
    distances = (x[:, None] - prototypes).abs().mean(dim=2)
    nearest = distances.masked_fill(~filled, float('inf')).amin(dim=1)
    return torch.where(filled.any(dim=1), nearest, torch.zeros_like(nearest))
