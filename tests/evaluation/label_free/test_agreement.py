import math

import pytest
import torch

from i2vda_mmseg.evaluation.label_free import MixCounts, flip_agreement, label_agreement, mix


def test_a_mirrored_frame_has_the_mirrored_labels():
    labels = torch.tensor([[0, 1, 2, 2], [3, 3, 0, 1]])
    assert flip_agreement(labels, labels.flip(-1)) == 1
    assert flip_agreement(labels, labels) == 0.0  # no pixel equals the one opposite it
    assert flip_agreement(labels[None], labels.flip(-1)[None].clone().index_fill_(2, torch.tensor([0]), 9)) == 0.75


def test_pixels_without_a_class_do_not_count():
    a, b = torch.tensor([[0, 1, 255, 255]]), torch.tensor([[0, 2, 255, 0]])
    assert label_agreement(a, b) == label_agreement(b.to(torch.uint8), a.to(torch.uint8)) == 0.5
    assert math.isnan(label_agreement(a[:, 2:], b[:, 2:]))


def test_label_maps_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match=r'\(2, 3\).*\(2, 4\)'):
        label_agreement(torch.zeros(2, 3), torch.zeros(2, 4))


def test_mixtures():
    a, b = torch.full((3, 2, 5), 200, dtype=torch.uint8), torch.full((3, 2, 5), 100, dtype=torch.uint8)
    assert torch.allclose(mix(a, b), torch.full((3, 2, 5), 155.0))
    with pytest.raises(ValueError, match='one shape'):
        mix(a, b[..., 1:])
    for weight in (0.5, 1.0):
        with pytest.raises(ValueError, match=str(weight)):
            mix(a, b, weight)


def test_counts_of_mixtures():
    dominant = torch.tensor([[0, 0, 1, 1], [2, 2, 2, 2]])
    other = torch.tensor([[0, 1, 1, 0], [2, 0, 0, 0]])
    mixed = torch.tensor([[0, 0, 0, 0], [2, 2, 0, 0]])
    counts = MixCounts.of(dominant, other, mixed)
    assert counts == MixCounts(intra_hits=2, intra=3, inter_hits=2, inter=5)
    assert counts.plus(MixCounts(0, 1, 5, 5)).shares() == (0.5, 0.7)
    assert all(map(math.isnan, MixCounts().shares()))
    with pytest.raises(ValueError, match=r'\(2, 4\), \(2, 4\), \(1, 4\)'):
        MixCounts.of(dominant, other, mixed[:1])
