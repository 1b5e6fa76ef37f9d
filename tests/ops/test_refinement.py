"""Labels that the frame before confirms, in closed form."""

import pytest
import torch

from i2vda_mmseg.ops import refined_labels

NOW = torch.tensor([[0.6, 0.4], [0.2, 0.8], [0.9, 0.1], [0.3, 0.7]])
BEFORE = torch.tensor([[0.0, 1.0], [0.3, 0.7], [0.2, 0.8], [0.8, 0.2]])  # of the pixel that each comes from


def probabilities(rows):
    return rows.T[None, :, None]  # (1, 2, 1, 4)


def moved_to_the_left(rows):
    """The frame before, in which all of it lies one pixel further left; the first pixel is out of the frame."""
    return torch.cat((rows[1:], rows[:1]))


@pytest.mark.parametrize(
    ('mode', 'labels', 'kept'),
    [
        ('consistency', [0, 1, 0, 1], [False, True, False, False]),
        ('max_confidence', [0, 1, 0, 0], [True] * 4),
        ('warp', [0, 1, 1, 0], [True] * 4),
    ],
)
def test_the_three_ways(mode, labels, kept):
    flow = torch.zeros(1, 2, 1, 4)
    flow[:, 0] = -1.0
    visible = torch.tensor([[[False, True, True, True]]])
    found, stays = refined_labels(
        probabilities(NOW), probabilities(moved_to_the_left(BEFORE)), flow, visible, mode=mode
    )
    assert found.flatten().tolist() == labels
    assert stays.flatten().tolist() == kept


def test_without_motion_and_change_everything_stays():
    probs, visible = torch.rand(2, 3, 4, 5).softmax(1), torch.ones(2, 4, 5, dtype=torch.bool)
    for mode in ('consistency', 'max_confidence', 'warp'):
        labels, kept = refined_labels(probs, probs, torch.zeros(2, 2, 4, 5), visible, mode)
        assert torch.equal(labels, probs.argmax(1))
        assert bool(kept.all())


def test_an_unknown_way():
    with pytest.raises(ValueError, match='mode must be one of'):
        refined_labels(torch.rand(1, 2, 1, 1), torch.rand(1, 2, 1, 1), torch.zeros(1, 2, 1, 1), None, 'oracle')
