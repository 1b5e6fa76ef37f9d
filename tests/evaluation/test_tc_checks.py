"""What is no class, and a flow that points nowhere, give no figure."""

import numpy as np
import pytest
import torch

from i2vda_mmseg.evaluation import temporal_consistency
from i2vda_mmseg.evaluation.consistency_stream import checked_labels, require_finite

C, SIZE = 5, (6, 9)
LABELS = np.random.default_rng(0).integers(0, C, SIZE)


def still(frame_a, frame_b, keys=None):
    return torch.zeros(len(frame_a), 2, *frame_a.shape[-2:])


def measure(predictions, flow=still, **options):
    frames = [np.zeros((*SIZE, 3), np.uint8)] * len(predictions)
    return temporal_consistency(predictions, frames, flow, C, **options)


@pytest.mark.parametrize(
    ('labels', 'found'),
    [
        (LABELS + 256, '256, 257, 258, 259, 260;'),
        (LABELS + 200, '200, 201, 202, 203, 204;'),
        (LABELS - 1, 'but there is -1;'),
        (np.arange(54).reshape(SIZE), '5, 6, 7, 8, 9, ...;'),
        ((LABELS + 200).astype(np.uint16), '200, 201'),
        (np.where(LABELS == 2, 5, 255), 'but there is 5;'),  # beside pixels without a class
        (LABELS + 0.7, '0.7, 1.7, 2.7, 3.7, 4.7;'),
        (np.where(LABELS == 2, np.nan, 1.0), 'but there is nan;'),
        (np.where(LABELS == 2, np.inf, 1.0), 'but there is inf;'),
    ],
)
def test_what_is_no_class_is_refused(labels, found):
    for preset in ('clean', 'etc'):
        with pytest.raises(ValueError, match=rf'classes 0\.\.4, or 255 for none.*{found}'):
            measure([labels] * 2, preset=preset)


@pytest.mark.parametrize('kind', [np.uint8, np.int8, np.int16, np.uint16, np.int64, np.uint64, np.float16, np.float64])
def test_whole_labels_of_any_kind_are_the_same(kind):
    assert torch.equal(checked_labels(torch.as_tensor(LABELS.astype(kind)), C), torch.from_numpy(LABELS).byte())
    assert measure([LABELS.astype(kind), LABELS]).tc == 1.0


def test_no_class_is_legal_and_nothing_is_no_fault():
    labels = torch.tensor([[0, 4, 255]])
    assert checked_labels(labels, C).tolist() == [[0, 4, 255]]
    assert checked_labels(torch.full((2, 3), 255), C).unique().tolist() == [255]
    assert checked_labels(torch.tensor([[True, False]]), 2).tolist() == [[1, 0]]
    assert checked_labels(labels[:, :0], C).shape == (1, 0)


@pytest.mark.parametrize('preset', ['clean', 'etc'])
@pytest.mark.parametrize(('value', 'count', 'share'), [(np.nan, 108, 100), (np.inf, 27, 25), (-np.inf, 27, 25)])
def test_flow_that_is_not_finite_is_refused(preset, value, count, share):
    def flow(frame_a, frame_b, keys=None):
        field = still(frame_a, frame_b)
        for direction in field:
            direction.view(-1)[:count] = value
        return field

    with pytest.raises(ValueError, match=f'the flow from a frame to the next must be finite, but {share} % of'):
        measure([LABELS] * 2, flow, preset=preset)


@pytest.mark.parametrize('preset', ['clean', 'etc'])
def test_pixels_of_unknown_flow_count_nowhere(preset):
    """Where the flow is unknown, the labels disagree; elsewhere they agree."""

    def flow(frame_a, frame_b, keys=None):
        field = still(frame_a, frame_b)
        field[:, 0, 2:4] = 1e10
        return field

    other = LABELS.clone() if torch.is_tensor(LABELS) else LABELS.copy()
    other[2:4] = (other[2:4] + 1) % C
    result = measure([LABELS, other], flow, preset=preset)
    assert result.flicker == 0
    assert result.counts.valid == (SIZE[0] - 2) * SIZE[1]


def test_logits_without_probabilities_are_refused_and_a_class_ruled_out_is_not():
    logits = torch.randn(C, *SIZE, generator=torch.Generator().manual_seed(0))
    logits[3] = -torch.inf
    assert measure([logits] * 2, warping='probs').tc == 1.0
    logits[1, 2, 3] = torch.nan
    with pytest.raises(ValueError, match='class probabilities of a frame must be finite'):
        measure([logits] * 2, warping='probs')


def test_finite_values_pass():
    require_finite(torch.tensor([[-3.4e38, 3.4e38]]), 'flow')
    require_finite(torch.zeros(0), 'nothing')
