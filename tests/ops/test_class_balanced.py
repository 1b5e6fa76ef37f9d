import math

import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import (
    IGNORE_INDEX,
    ConfidenceHistogram,
    class_balanced_labels,
    class_balanced_soft_labels,
    easy_and_hard,
)


def random_probs(seed=0, shape=(2, 4, 5, 7), sharpness=2.0):
    generator = torch.Generator().manual_seed(seed)
    return (sharpness * torch.randn(shape, generator=generator)).softmax(dim=1)


def thresholds_by_sorting(probs, portion):
    """The definition: sort the confidences of each class, take the floor(portion * n)-th."""
    confidence, labels = probs.max(dim=1)
    thresholds = []
    for label in range(probs.shape[1]):
        descending = sorted(confidence[labels == label].tolist(), reverse=True)
        rank = math.floor(portion * len(descending))
        thresholds.append(descending[rank - 1] if rank else 1.0)
    return thresholds


def histogram_of(probs, parts=1, **options):
    histogram = ConfidenceHistogram(probs.shape[1], **options)
    for part in probs.chunk(parts):
        histogram.add(*part.max(dim=1))
    return histogram


@pytest.mark.parametrize('portion', [0.0, 0.05, 0.2, 0.5, 1.0])
def test_thresholds_are_those_of_a_sort(portion):
    probs = random_probs()
    assert histogram_of(probs, parts=2).thresholds(portion).tolist() == thresholds_by_sorting(probs, portion)


def test_a_class_that_is_never_predicted_has_the_threshold_1():
    probs = random_probs()
    probs[:, 2] = 0
    assert histogram_of(probs).thresholds(0.9)[2] == 1


@pytest.mark.parametrize('sharpness', [2.0, 30.0])  # 30: most confidences are within 1e-6 of 1
def test_thresholds_of_shared_bins_are_just_below(sharpness):
    probs = random_probs(shape=(1, 3, 200, 300), sharpness=sharpness)
    expected = torch.tensor(thresholds_by_sorting(probs, 0.3))
    found = histogram_of(probs).thresholds(0.3)
    assert (found <= expected).all()
    assert (expected - found <= 3e-4 * (1 - found) + 1e-7).all()


def test_histograms_of_two_ranks_merge():
    probs = random_probs(shape=(4, 3, 6, 5))
    first, second = (histogram_of(half) for half in probs.chunk(2))
    first.counts += second.counts
    first.lowest = first.lowest.minimum(second.lowest)
    assert torch.equal(first.thresholds(0.4), histogram_of(probs).thresholds(0.4))


def test_labels_are_those_of_a_loop_over_pixels():
    probs = random_probs()
    thresholds = histogram_of(probs).thresholds(0.4)
    labels = class_balanced_labels(probs, thresholds)
    for n, y, x in np.ndindex(*labels.shape):
        ratios = [probs[n, c, y, x] / thresholds[c] for c in range(4)]
        best = max(range(4), key=ratios.__getitem__)
        assert labels[n, y, x] == (best if ratios[best] >= 1 else IGNORE_INDEX)
    assert 0.3 < (labels != IGNORE_INDEX).float().mean() < 0.7


def test_soft_labels_are_those_of_the_formulas():
    probs, alpha = random_probs().double(), 0.25
    thresholds = torch.tensor([0.4, 0.7, 0.9, 1.0], dtype=torch.float64)
    soft, selected = class_balanced_soft_labels(probs, thresholds, alpha)
    ratio = (probs / thresholds[:, None, None]) ** (1 / alpha)
    expected = ratio / ratio.sum(dim=1, keepdim=True)
    torch.testing.assert_close(soft, expected)
    k = thresholds[:, None, None]
    regularised = (-expected * probs.log() + alpha * expected * expected.log()).sum(dim=1)
    rule = regularised < (-expected * k.log()).sum(dim=1)
    assert torch.equal(selected, rule)
    assert 0.2 < rule.float().mean() < 0.9


def test_soft_labels_become_hard_ones_as_alpha_vanishes():
    probs, thresholds = random_probs(), torch.tensor([0.4, 0.7, 0.9, 1.0])
    soft, selected = class_balanced_soft_labels(probs, thresholds, alpha=1e-3)
    labels = soft.argmax(dim=1).masked_fill(~selected, IGNORE_INDEX)
    assert torch.equal(labels, class_balanced_labels(probs, thresholds))


def test_wrong_arguments_are_refused():
    probs = random_probs()
    with pytest.raises(ValueError, match='portion must lie in'):
        histogram_of(probs).thresholds(1.5)
    with pytest.raises(ValueError, match='alpha must be positive'):
        class_balanced_soft_labels(probs, torch.ones(4), alpha=0.0)
    with pytest.raises(ValueError, match=r'thresholds \(C,\)'):
        class_balanced_labels(probs, torch.ones(3))
    with pytest.raises(ValueError, match='easy_share must lie in'):
        easy_and_hard([0.1], easy_share=67)


def test_the_split_of_cityscapes():
    entropies = np.random.default_rng(0).random(2975).tolist()
    easy, hard = easy_and_hard(entropies)
    assert (len(easy), len(hard)) == (1993, 982)
    assert sorted(easy + hard) == list(range(2975))
    assert max(entropies[i] for i in easy) < min(entropies[i] for i in hard)
    assert easy_and_hard([0.5, 0.5, 0.5, 0.5], easy_share=0.5) == ([0, 1], [2, 3])
