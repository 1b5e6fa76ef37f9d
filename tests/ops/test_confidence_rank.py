import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import ConfidenceHistogram, confident_labels, rank_thresholds


def by_sorting(confidence, labels, num_classes, rank, cap):
    thresholds = []
    for index in range(num_classes):
        ascending = sorted(c for c, label in zip(confidence.flatten().tolist(), labels.flatten()) if label == index)
        place = min(int(np.round(len(ascending) * rank)), len(ascending) - 1)
        thresholds.append(min(ascending[place], cap) if ascending else 0)
    return thresholds


def thresholds_of(confidence, labels, num_classes, *options):
    histogram = ConfidenceHistogram(num_classes)
    for one, other in zip(confidence, labels):
        histogram.add(one, other)
    return rank_thresholds(histogram, *options)


@pytest.mark.parametrize(('rank', 'cap'), [(0.66, 0.9), (0.5, 1.0), (0, 0.9), (1, 0.97)])
def test_thresholds_and_selection(rank, cap):
    confidence, labels = torch.rand(2, 7, 11) / 2 + 0.5, torch.randint(4, (2, 7, 11))
    labels[labels == 2] = 0  # predicted nowhere
    labels[0, 0, 0] = 2  # but once
    expected = by_sorting(confidence, labels, 6, rank, cap)
    thresholds = thresholds_of(confidence, labels, 6, rank, cap)
    assert thresholds.tolist() == pytest.approx(expected, abs=1e-7)
    kept = confident_labels(confidence, labels, thresholds)
    assert kept.dtype == torch.int64
    for place in np.ndindex(labels.shape):
        is_kept = confidence[place] >= expected[labels[place]] - 1e-7
        assert kept[place] == (labels[place] if is_kept else 255)
    assert rank == 0 or 0 < (kept == 255).float().mean() < 1


def test_by_hand():
    confidence = torch.tensor([[0.95, 0.3, 0.4, 0.5, 0.6, 0.99, 0.98, 0.97]])
    labels = torch.tensor([[0, 0, 0, 0, 0, 1, 1, 1]])
    thresholds = thresholds_of(confidence, labels, 2)  # index 3 of 5 and 2 of 3
    assert torch.equal(thresholds, torch.tensor([0.6, 0.9]))
    assert confident_labels(confidence, labels, thresholds).tolist() == [[0, 255, 255, 255, 0, 1, 1, 1]]


def test_errors():
    with pytest.raises(ValueError, match=r'rank must lie in \[0, 1\], got 66'):
        rank_thresholds(ConfidenceHistogram(2), rank=66)
