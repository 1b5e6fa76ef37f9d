"""Pseudo-labels by the rank of their confidence within each class, as FDA chooses them."""

from collections.abc import Sequence

from torch import Tensor

from .confidence_histogram import ConfidenceHistogram
from .labels import IGNORE_INDEX


def rank_thresholds(histogram: ConfidenceHistogram, rank: float = 0.66, cap: float = 0.9) -> Tensor:
    """Find for each class the confidence below which FDA does not trust its predictions.

    Of the n pixels predicted as a class, sorted by confidence from the lowest, the threshold is the one at index
    ``round(rank n)`` (the last one, where that is past the end), or ``cap`` if that is less.

    Args:
        histogram: Confidences of the predicted classes; a threshold is as exact as its bins.
        rank: Share of a class's pixels that fall below its threshold, in [0, 1].
        cap: Upper bound of the thresholds: what is as sure as this is kept, however much of it there is.

    Returns:
        (C,), float32; 0 for a class that is predicted nowhere.

    Raises:
        ValueError: If ``rank`` leaves [0, 1].

    Example:
        >>> import torch
        >>> histogram = ConfidenceHistogram(num_classes=3)
        >>> histogram.add(torch.tensor([0.5, 0.8, 0.6, 0.7, 0.95, 0.97]), torch.tensor([0, 0, 0, 0, 1, 1]))
        >>> rank_thresholds(histogram, rank=0.5)
        tensor([0.7000, 0.9000, 0.0000])
    """
    if not 0 <= rank <= 1:
        raise ValueError(f'rank must lie in [0, 1], got {rank}')
    thresholds = histogram.lowest.new_zeros(len(histogram.counts))
    for label, counts in enumerate(histogram.counts):
        if total := int(counts.sum()):
            index = min(round(rank * total), total - 1)
            holder = int((counts.cumsum(0) > index).nonzero()[0])
            thresholds[label] = histogram.lowest[label, holder]
    return thresholds.clamp(max=cap)


def confident_labels(confidence: Tensor, labels: Tensor, thresholds: Tensor) -> Tensor:
    """Ignore the predictions that are less sure than the threshold of their class.

    Args:
        confidence: Any shape, probability of the predicted class.
        labels: Same shape, int64, the predicted class of each pixel.
        thresholds: (C,).

    Returns:
        Shape and dtype of ``labels``: the label where ``confidence >= thresholds[label]``, 255 elsewhere.

    Example:
        >>> import torch
        >>> confident_labels(torch.tensor([0.5, 0.8]), torch.tensor([0, 0]), torch.tensor([0.7]))
        tensor([255,   0])
    """
    return labels.where(confidence >= thresholds.to(confidence)[labels], IGNORE_INDEX)


def easy_and_hard(entropies: Sequence[float], easy_share: float = 0.67) -> tuple[list[int], list[int]]:
    """Rank images by their mean entropy and cut the ranking: IntraDA's easy and hard halves (Pan et al., CVPR 2020).

    Args:
        entropies: Mean entropy of each image.
        easy_share: Share of easy images, lambda of the paper; the number is rounded down.

    Returns:
        Indices of the easy and of the hard images, each from the lowest entropy to the highest; equal ones keep their
        order.

    Raises:
        ValueError: If ``easy_share`` leaves [0, 1].

    Example:
        >>> easy_and_hard([0.3, 0.1, 0.2, 0.4], easy_share=0.67)
        ([1, 2], [0, 3])
        >>> [len(half) for half in easy_and_hard(range(2975))]
        [1993, 982]
    """
    if not 0 <= easy_share <= 1:
        raise ValueError(f'easy_share must lie in [0, 1], got {easy_share}')
    order = sorted(range(len(entropies)), key=lambda index: entropies[index])
    cut = int(len(order) * easy_share)
    return order[:cut], order[cut:]
