from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from i2vda_mmseg.flow import DISFlow
from i2vda_mmseg.ops import consistency_mask, inside, warp
from i2vda_mmseg.runtime import ExportedNetwork, FrameLabeller, ProbabilitySmoother, SmoothedLabeller
from i2vda_mmseg.runtime.card import EXAMPLE
from i2vda_mmseg.runtime.smoothing import dis_flow, follow, valid_flow

RNG = np.random.default_rng(0)
SIZE = (40, 56)


def texture(size, blur=2.0):
    noise = cv2.GaussianBlur(RNG.normal(size=size).astype(np.float32), (0, 0), blur)
    return cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def constant_flow(u, v):
    """What moves by (u, v) a frame: the first call of a pair asks for the way back."""
    signs = iter([-1, 1] * 100)

    def flow(grey_a, grey_b):
        return np.full((*grey_a.shape, 2), (u, v), np.float32) * next(signs)

    return flow


def blank(size=SIZE):
    return np.zeros((*size, 3), np.uint8)


def test_constant_motion_in_closed_form():
    share, (u, v) = 0.25, (3, 2)
    smoother = ProbabilitySmoother(share, flow=constant_flow(u, v))
    probs = [RNG.random((4, *SIZE), np.float32) for _ in range(3)]
    averages = [smoother(each, blank()) for each in probs]
    np.testing.assert_array_equal(averages[0], probs[0])
    moved = [np.roll(each, (v * age, u * age), (1, 2)) for each, age in zip(probs, (2, 1, 0))]
    expected = probs[2].copy()  # where a point has just come into the frame, its first probabilities
    once, twice = np.s_[:, v:, u:], np.s_[:, 2 * v :, 2 * u :]
    expected[once] = (share * moved[1] + (1 - share) * moved[2])[once]
    expected[twice] = (share**2 * moved[0] + share * (1 - share) * moved[1] + (1 - share) * moved[2])[twice]
    np.testing.assert_allclose(averages[2], expected, atol=1e-6)
    assert smoother.frames == 3
    assert smoother.memory == 40 * 56 * (1 + 4 * 4)
    assert smoother.report().endswith('0.0 MB kept of the frame before')


def test_pixels_without_valid_flow_take_the_new_frame_alone():
    away = np.zeros((*SIZE, 2), np.float32)
    away[10:20, 30:45, 0] = 1.5  # and not back: more than eta

    smoother = ProbabilitySmoother(0.5, flow=lambda a, b: away)
    before, now = (RNG.random((3, *SIZE), np.float32) for _ in range(2))
    smoother(before, blank())
    average = smoother(now, blank())
    hidden = np.zeros(SIZE, bool)
    hidden[10:20, 30:45] = True
    np.testing.assert_array_equal(average[:, hidden], now[:, hidden])
    np.testing.assert_allclose(average[:, ~hidden], (0.5 * before + 0.5 * now)[:, ~hidden], atol=1e-6)
    tolerant = ProbabilitySmoother(0.5, eta=4.0, flow=lambda a, b: away)
    tolerant(before, blank())
    assert not np.allclose(tolerant(now, blank())[:, hidden], now[:, hidden])


def test_another_clip_and_another_size_continue_nothing():
    smoother = ProbabilitySmoother(0.9)
    first, second = (RNG.random((3, *SIZE), np.float32) for _ in range(2))
    smoother(first, blank())
    assert np.abs(smoother(second, blank()) - second).max() > 0.1
    smoother.begin_clip()
    np.testing.assert_array_equal(smoother(second, blank()), second)
    wider = RNG.random((3, 40, 60), np.float32)
    np.testing.assert_array_equal(smoother(wider, blank((40, 60))), wider)


def test_what_moves_is_followed_by_flow_that_is_estimated():
    """A moving picture whose classes the network finds with much noise: averages are nearer to the truth."""
    wide = np.stack([texture((64, 160))] * 3, axis=-1)
    classes = texture((64, 160), 6.0) // 90
    smoother, errors = ProbabilitySmoother(0.7), []
    for t in range(8):
        frame, labels = wide[:, 40 - 4 * t :][:, :96], classes[:, 40 - 4 * t :][:, :96]
        probs = np.eye(3, dtype=np.float32)[labels].transpose(2, 0, 1) + RNG.normal(size=(3, 64, 96), scale=0.7)
        average = smoother(probs.astype(np.float32), frame)
        errors.append([(each.argmax(axis=0) != labels).mean() for each in (probs, average)])
    alone, averaged = errors[-1]
    assert alone > 0.15
    assert averaged < alone / 2


@pytest.mark.parametrize('preset', ['ultrafast', 'fast', 'medium'])
@pytest.mark.parametrize('size', [(48, 80), (20, 50)])
def test_flow_is_that_of_the_estimator_for_tensors(preset, size):
    first = texture(size)
    second = np.roll(first, 2, axis=1)
    frames = [torch.from_numpy(np.stack([each] * 3)[None]).float() for each in (first, second)]
    expected = DISFlow(preset)(*frames)[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(dis_flow(first, second, preset), expected)


def test_following_and_validity_are_those_for_tensors():
    there, back = (
        cv2.GaussianBlur(RNG.normal(size=(*SIZE, 2)).astype(np.float32), (0, 0), 5) * scale for scale in (25, 25)
    )
    back = -there + 0.1 * back
    values = RNG.random((*SIZE, 5), np.float32)
    flows = [torch.from_numpy(flow).permute(2, 0, 1)[None] for flow in (there, back)]
    expected = warp(torch.from_numpy(values).permute(2, 0, 1)[None], flows[0])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(follow(values, there), expected, atol=0.02)  # older OpenCV: 32nds of a pixel
    np.testing.assert_allclose(follow(values[..., :1], there), expected[..., :1], atol=0.02)
    mask = (consistency_mask(*flows, eta=1.0, frame='0') & inside(flows[0]))[0].numpy()
    assert 0.2 < mask.mean() < 0.95
    assert (valid_flow(there, back, 1.0) == mask).mean() > 0.99


@pytest.mark.parametrize('share', [-0.1, 1.0, float('nan')])
def test_shares_that_are_none(share):
    with pytest.raises(ValueError, match=r'share of the past must be in 0\.\.1, and below 1'):
        ProbabilitySmoother(share)


def flickering(outputs):
    """A network of two classes that takes a still frame for the one and the other in turn, the first more surely."""
    state = {'calls': 0}

    def run(frames):
        results = []
        for _ in frames:
            state['calls'] += 1
            probs = (0.9, 0.1) if state['calls'] % 2 else (0.4, 0.6)
            results.append(np.broadcast_to(np.float32(probs)[:, None, None], (2, *frames.shape[2:])))
        return [np.stack(results) if name != 'labels' else np.stack(results).argmax(1) for name in outputs]

    card = EXAMPLE._replace(outputs=outputs, test_size=None)
    return FrameLabeller(ExportedNetwork(Path('net.onnx'), card, run, 'a test'))


@pytest.mark.parametrize('batch', [1, 3])
def test_labels_of_averages_do_not_flicker(batch):
    frame = np.stack([texture(SIZE)] * 3, axis=-1)
    plain, smooth = flickering(('probs',)), SmoothedLabeller(flickering(('probs',)), ProbabilitySmoother(0.5))
    for labeller, expected in ((plain, {0, 1}), (smooth, {0})):
        labeller.begin_clip()
        seen = {int(labels[20, 20]) for _ in range(4) for labels in labeller.label([frame] * batch)}
        assert seen == expected
    assert (smooth.palette, smooth.network.card.outputs) == (plain.palette, ('probs',))
    assert smooth.smoother.frames == 4 * batch


def test_labels_alone_have_no_average():
    with pytest.raises(ValueError, match=r'net\.onnx gives labels alone; export it with --output logits or probs'):
        SmoothedLabeller(flickering(('labels',)), ProbabilitySmoother())
