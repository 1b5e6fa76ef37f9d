"""Exact flow against what is seen, and against itself."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from i2vda_mmseg.streetworld import CAMERA, exact_flow, render_clip

SIZE = (96, 160)
# Without what does not move with the surfaces. Shadows are left out because they move over the ground.
STEADY = replace(CAMERA, noise=0.0, flicker=0.0, shake=0.0, shadow=0.0)


@pytest.fixture(scope='module', params=[1, 2, 3])
def pair(request):
    return render_clip(request.param, 3, SIZE, look=STEADY)[-2:]


def _targets(flow):
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return x + flow[..., 0], y + flow[..., 1]


def _away_from_edges(frame):
    """Pixels in whose neighbourhood the same surface and class are seen."""
    key = frame.surfaces.astype(np.float32) * 32 + frame.classes
    kernel = np.ones((5, 5), np.uint8)
    inner = cv2.erode(key, kernel) == cv2.dilate(key, kernel)
    inner[[0, -1]] = inner[:, [0, -1]] = False
    return inner


def test_nothing_moves_in_a_static_scene():
    first, _, last = render_clip(5, 3, SIZE, moving=False)
    flow, visible = exact_flow(first, last)
    np.testing.assert_allclose(flow, 0, atol=1e-4)
    assert visible.all()
    assert (first.rgb != last.rgb).any()  # the sensor's noise still does


def test_shapes_and_magnitude(pair):
    flow, visible = exact_flow(*pair)
    assert (flow.shape, flow.dtype, visible.shape, visible.dtype) == ((*SIZE, 2), np.float32, SIZE, bool)
    length = np.linalg.norm(flow[visible], axis=-1)
    assert 0.5 < np.mean(length) < 8
    assert 0.6 < visible.mean() < 1


def test_visible_points_land_on_their_own_surface(pair):
    frame_a, frame_b = pair
    flow, visible = exact_flow(frame_a, frame_b)
    x, y = (np.rint(c[visible]).astype(int) for c in _targets(flow))
    assert x.min() >= 0
    assert y.min() >= 0
    assert x.max() < SIZE[1]
    assert y.max() < SIZE[0]
    np.testing.assert_array_equal(frame_b.surfaces[y, x], frame_a.surfaces[visible])


def test_there_and_back_is_where_it_started(pair):
    frame_a, frame_b = pair
    flow_ab, visible = exact_flow(frame_a, frame_b)
    flow_ba, _ = exact_flow(frame_b, frame_a)
    x, y = _targets(flow_ab)
    # On a plane the way back is smooth, so it may be interpolated; across an outline it may not.
    back = cv2.remap(flow_ba, x, y, cv2.INTER_LINEAR)
    inner = _away_from_edges(frame_b)[
        np.rint(y).clip(0, SIZE[0] - 1).astype(int), np.rint(x).clip(0, SIZE[1] - 1).astype(int)
    ]
    error = np.linalg.norm(flow_ab + back, axis=-1)[visible & inner]
    assert len(error) > 3000
    assert error.max() < 0.05


def test_warping_with_it_reproduces_the_other_frame(pair):
    frame_a, frame_b = pair
    flow, visible = exact_flow(frame_a, frame_b)
    keep = visible & _away_from_edges(frame_a)
    warped = cv2.remap(frame_b.rgb, *_targets(flow), cv2.INTER_LINEAR)
    difference = np.abs(warped.astype(float) - frame_a.rgb)[keep].mean()
    unmoved = np.abs(frame_b.rgb.astype(float) - frame_a.rgb)[keep].mean()
    assert difference < 3
    assert difference < 0.6 * unmoved


def test_frames_of_two_clips_are_refused():
    one, other = render_clip(1, 1, (32, 48))[0], render_clip(2, 1, (32, 48))[0]
    with pytest.raises(ValueError, match='two frames of one clip'):
        exact_flow(one, other)
