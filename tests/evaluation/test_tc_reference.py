"""The preset ``etc`` against its definition, pixel by pixel, and the geometry underneath."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers import consistency_reference, random_flow

from i2vda_mmseg.evaluation import temporal_consistency
from i2vda_mmseg.evaluation.pair_consistency import valid_pixels, warp_prediction
from i2vda_mmseg.ops import resize_flow
from i2vda_mmseg.streetworld import CLASS_NAMES, exact_flow, render_clip

C, HEIGHT, WIDTH = 7, 11, 14


def flows_of(rng, count, magnitude=4):
    return [random_flow(rng, magnitude, 1, HEIGHT, WIDTH)[0].astype(np.float32) for _ in range(count)]


def served(flows):
    """An estimator that gives prepared fields, one call after the other."""
    left = iter(flows)

    def flow(frame_a, frame_b, keys=None):
        assert len(frame_a) == 1
        return torch.from_numpy(next(left))[None]

    return flow


def backward_warp(labels, flow):
    """Resample ids as the released kernel: positions in single precision, indices clamped to the image.

    Each product of weights and id is made in double precision and rounded to single; sums are in single; cut to 8 bits.
    """
    out = np.zeros(labels.shape, np.uint8)
    for y, x in np.ndindex(labels.shape):
        to_x, to_y = np.float32(x) + np.float32(flow[0, y, x]), np.float32(y) + np.float32(flow[1, y, x])
        left, top = int(np.floor(to_x)), int(np.floor(to_y))
        alpha, beta = float(to_x - np.floor(to_x)), float(to_y - np.floor(to_y))
        value = np.float32(0)
        for row, column, weight in (
            (top, left, (1 - alpha) * (1 - beta)),
            (top, left + 1, alpha * (1 - beta)),
            (top + 1, left, (1 - alpha) * beta),
            (top + 1, left + 1, alpha * beta),
        ):
            neighbour = labels[min(max(row, 0), labels.shape[0] - 1), min(max(column, 0), labels.shape[1] - 1)]
            value = np.float32(value + np.float32(weight * float(neighbour)))
        out[y, x] = int(value)
    return out


def etc_reference(clips, flows):
    """Intersections and unions from histograms, summed over all pairs of all clips; mean over all classes."""
    intersection, union, bins = np.zeros(C), np.zeros(C), np.arange(C + 1)
    left = iter(flows)
    for clip in clips:
        for here, after in pairwise(clip):
            warped = backward_warp(after, next(left))
            kept = warped != 255
            both = np.histogram(here[kept & (here == warped)], bins)[0]
            intersection += both
            union += np.histogram(here[kept], bins)[0] + np.histogram(warped[kept], bins)[0] - both
    return (intersection / (union + 1e-10)).mean(), intersection, union


@pytest.mark.parametrize('seed', range(3))
def test_etc_equals_its_definition(seed):
    rng = np.random.default_rng(seed)
    clips = [[rng.integers(0, C - 1, (HEIGHT, WIDTH)) for _ in range(length)] for length in (3, 2, 4)]
    clips[0][1][2:5, 3:9] = 255  # nobody predicts it, but the definition says what it would do
    flows = flows_of(rng, 6)
    expected, intersection, union = etc_reference(clips, flows)
    flow, image = served(flows), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    parts = [temporal_consistency(clip, [image] * len(clip), flow, C, preset='etc') for clip in clips]
    counts = parts[0].counts.plus(parts[1].counts).plus(parts[2].counts)
    assert counts.intersection.tolist() == intersection.tolist()
    assert counts.union.tolist() == union.tolist()
    assert np.mean(counts.class_iou('zero')) == pytest.approx(expected, abs=1e-15)
    assert (counts.pairs, counts.clips) == (6, 3)
    assert union[: C - 1].min() > 0


@pytest.mark.parametrize(
    ('label', 'flow', 'released'), [(3, (0.05, 0.05), 2), (1, (0.05, 0.40), 0), (7, (2.0, -1.0), 7)]
)
def test_rounding_of_the_released_metric_by_hand(label, flow, released):
    """On a map of one id: at the origin, where single precision is finest, four shares fall short of 1."""
    labels = torch.full((2, 2), label, dtype=torch.uint8)
    field = torch.tensor(flow).view(2, 1, 1).expand(2, 2, 2)
    assert warp_prediction(labels, field, 'bilinear-labels-float32')[0, 0] == released
    assert warp_prediction(labels, field, 'bilinear-labels')[0, 0] == label


def test_rounding_takes_a_pixel_in_a_hundred_for_the_class_before():
    """For sub-pixel flow, 0.8 to 2.2 % of the pixels of any class but the first."""
    flow = torch.from_numpy(random_flow(np.random.default_rng(0), 9, 1, 256, 512)[0]).float()
    for label in range(1, 19):
        warped = warp_prediction(torch.full((256, 512), label, dtype=torch.uint8), flow, 'bilinear-labels-float32')
        assert warped.unique().tolist() == [label - 1, label]
        assert 0.008 < (warped == label - 1).float().mean() < 0.022


def test_even_labels_moved_along_exact_flow_lose_by_the_rounding():
    clip = render_clip(0, 3, (64, 128))
    flows = [exact_flow(here, after)[0].transpose(2, 0, 1) for here, after in pairwise(clip)]
    classes = [frame.classes for frame in clip]
    found = {}
    for warping in ('bilinear-labels', 'bilinear-labels-float32'):
        image = np.zeros((64, 128, 3), np.uint8)
        found[warping] = temporal_consistency(
            classes, [image] * 3, served(flows), len(CLASS_NAMES), preset='etc', warping=warping
        )
    with_rounding, without = found['bilinear-labels-float32'], found['bilinear-labels']
    assert 0.004 < without.tc - with_rounding.tc < 0.05
    assert 0.005 < with_rounding.flicker - without.flicker < 0.03


def test_equal_neighbours_stay_what_they_are():
    """Without the rounding, at any position: a blend of 7, 7, 7 and 7 is 7, not 6.9999995 cut to 6."""
    flow = torch.from_numpy(random_flow(np.random.default_rng(0), 9, 1, 64, 96)[0]).float()
    for label in range(1, 20):
        labels = torch.full((64, 96), label, dtype=torch.uint8)
        assert (warp_prediction(labels, flow, 'bilinear-labels') == label).all()


def test_nearest_takes_the_nearest_pixel():
    rng = np.random.default_rng(0)
    labels, flow = rng.integers(0, C, (HEIGHT, WIDTH)).astype(np.uint8), random_flow(rng, 3, 1, HEIGHT, WIDTH)[0]
    warped = warp_prediction(torch.from_numpy(labels), torch.from_numpy(flow), 'nearest')
    for y in range(HEIGHT):
        for x in range(WIDTH):
            column = int(np.clip(np.rint(x + flow[0, y, x]), 0, WIDTH - 1))
            row = int(np.clip(np.rint(y + flow[1, y, x]), 0, HEIGHT - 1))
            assert warped[y, x] == labels[row, column]


def test_valid_pixels():
    rng = np.random.default_rng(1)
    there = random_flow(rng, 2, 1, HEIGHT, WIDTH)
    back = -there + random_flow(rng, 1, 1, HEIGHT, WIDTH)
    column, row = np.arange(WIDTH) + there[0, 0], np.arange(HEIGHT)[:, None] + there[0, 1]
    inside = (column >= 0) & (column <= WIDTH - 1) & (row >= 0) & (row <= HEIGHT - 1)
    expected = consistency_reference(there, back, 1.0, '0')[0] & inside
    found = valid_pixels(torch.from_numpy(there[0]), torch.from_numpy(back[0]), 1.0)
    np.testing.assert_array_equal(found, expected)
    assert 0.1 < expected.mean() < 0.9


def test_a_resized_flow_points_to_the_same_place():
    """A field that is linear in the position stays so: the whole grid grows, and the vectors with it."""
    u, v = np.meshgrid(np.linspace(-1, 2, 5), np.linspace(0, 3, 4))
    small = torch.tensor(np.stack([u, v]))[None]
    large = resize_flow(small, (7, 13))
    expected_u, expected_v = np.meshgrid(np.linspace(-3, 6, 13), np.linspace(0, 6, 7))
    np.testing.assert_allclose(large[0], np.stack([expected_u, expected_v]), atol=1e-12)
    assert torch.equal(resize_flow(small, (4, 5)), small)
