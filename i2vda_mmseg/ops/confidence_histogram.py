"""Thresholds by rank over more pixels than fit into memory."""

import math

import torch
from torch import Tensor

OCTAVES = 24  # float32 tells 1 - 2^-24 from 1, and no more


class ConfidenceHistogram:
    """Counts how confident the predictions of each class are; the memory does not grow with the pixels.

    The bins are equal steps of ``-log2(1 - p)``, so that they are finest near 1, where networks put most pixels; each
    remembers the lowest confidence that it holds. A threshold is such a value: a confidence that did occur, the exact
    one where its bin holds no other, else below it by less than the bin's width, which is 0.0003 (1 - p) for 65,536
    bins. Histograms of several ranks are merged by the sum of ``counts`` and the minimum of ``lowest``.

    Args:
        num_classes: Number of classes C.
        bins: Number of bins a class.

    Attributes:
        counts: (C, bins), int64.
        lowest: (C, bins), float32; infinity where a bin is empty.

    Example:
        >>> histogram = ConfidenceHistogram(num_classes=3)
        >>> histogram.add(torch.tensor([0.9, 0.6, 0.8, 0.5]), torch.tensor([0, 0, 0, 1]))
        >>> histogram.thresholds(portion=0.7)
        tensor([0.8000, 1.0000, 1.0000])
    """

    def __init__(self, num_classes: int, bins: int = 1 << 16) -> None:
        self.counts = torch.zeros(num_classes, bins, dtype=torch.int64)
        self.lowest = torch.full((num_classes, bins), torch.inf)

    def add(self, confidence: Tensor, labels: Tensor) -> None:
        """Count pixels.

        Args:
            confidence: Any shape, float in [0, 1]: probability of the predicted class.
            labels: Same shape, int64: the predicted class.
        """
        confidence, labels = confidence.detach().cpu().float().flatten(), labels.cpu().flatten()
        num_bins = self.counts.shape[1]
        octave = -(1 - confidence.double()).clamp(min=2.0**-OCTAVES).log2()
        index = labels * num_bins + (octave * (num_bins / OCTAVES)).long().clamp(max=num_bins - 1)
        self.counts.view(-1).scatter_add_(0, index, torch.ones_like(index))
        self.lowest.view(-1).scatter_reduce_(0, index, confidence, 'amin')

    def thresholds(self, portion: float) -> Tensor:
        """Find k_c, the confidence of the ``floor(portion * n_c)``-th most confident of the n_c pixels of class c.

        Args:
            portion: Share of each class's pixels to select, in [0, 1].

        Returns:
            (C,), float32; 1 for a class of which no pixel is to be selected.

        Raises:
            ValueError: If ``portion`` leaves [0, 1].
        """
        if not 0 <= portion <= 1:
            raise ValueError(f'portion must lie in [0, 1], got {portion}')
        found = torch.ones(len(self.counts))
        for label, (counts, lowest) in enumerate(zip(self.counts, self.lowest)):
            rank = math.floor(portion * int(counts.sum()))
            if rank:
                from_the_top = counts.flip(0).cumsum(0)
                found[label] = lowest.flip(0)[int((from_the_top >= rank).nonzero()[0])]
        return found
