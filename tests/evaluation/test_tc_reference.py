"""The preset ``etc`` against its definition, pixel by pixel, and the geometry underneath."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers import consistency_reference, random_flow

from i2vda_mmseg.evaluation import temporal_consistency
from i2vda_mmseg.evaluation.pair_consistency import valid_pixels, warp_prediction
from i2vda_mmseg.ops import resize_flow

C, HEIGHT, WIDTH = 7, 11, 14
STEPS = 16  # flows in sixteenths of a pixel: blends of ids are exact, so that truncation has one answer


def flows_of(rng, count, magnitude=4):
    fields = np.round(random_flow(rng, magnitude, count, HEIGHT, WIDTH) * STEPS) / STEPS
    return [field.astype(np.float32) for field in fields]


def served(flows):
    """An estimator that gives prepared fields, one call after the other."""
    left = iter(flows)

    def flow(frame_a, frame_b, keys=None):
        assert len(frame_a) == 1
        return torch.from_numpy(next(left))[None]

    return flow


def backward_warp(labels, flow):
    """Resample ids: the four neighbours, indices clamped to the image, weights from the position; cut to 8 bits."""
    out = np.zeros((HEIGHT, WIDTH), np.uint8)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            to_x, to_y = x + float(flow[0, y, x]), y + float(flow[1, y, x])
            left, top = int(np.floor(to_x)), int(np.floor(to_y))
            right_share, bottom_share = to_x - left, to_y - top
            value = 0.0
            for row, weight_y in ((top, 1 - bottom_share), (top + 1, bottom_share)):
                for column, weight_x in ((left, 1 - right_share), (left + 1, right_share)):
                    neighbour = labels[min(max(row, 0), HEIGHT - 1), min(max(column, 0), WIDTH - 1)]
                    value += weight_y * weight_x * float(neighbour)
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
    assert union[C - 1] == 0 < union[: C - 1].min()


def test_equal_neighbours_stay_what_they_are():
    """At any position: a blend of 7, 7, 7 and 7 is 7, not 6.9999995 cut to 6."""
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
