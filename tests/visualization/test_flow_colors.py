"""Flow as colours: neutral zero, hue of the direction, saturation of the length."""

import colorsys

import numpy as np
import pytest

from i2vda_mmseg.visualization import flow_to_rgb

HEIGHT, WIDTH = 5, 8


def _constant(x, y):
    return np.broadcast_to(np.array([x, y], np.float32), (HEIGHT, WIDTH, 2))


def _hsv(flow, max_magnitude=None):
    red, green, blue = (value / 255 for value in flow_to_rgb(flow, max_magnitude)[0, 0].tolist())
    return colorsys.rgb_to_hsv(red, green, blue)


@pytest.mark.parametrize('max_magnitude', [None, 3.0])
def test_zero_is_white(max_magnitude):
    rgb = flow_to_rgb(_constant(0, 0), max_magnitude)
    assert (rgb.shape, rgb.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    assert (rgb == 255).all()


@pytest.mark.parametrize(
    ('x', 'y', 'color'),
    [(2, 0, (255, 0, 0)), (0, 2, (128, 255, 0)), (-2, 0, (0, 255, 255)), (0, -2, (128, 0, 255))],
)
def test_the_four_directions(x, y, color):
    assert flow_to_rgb(_constant(x, y))[0, 0] == pytest.approx(color, abs=1)


@pytest.mark.parametrize('degrees', range(-170, 190, 25))
def test_hue_is_the_direction_and_opposite_directions_have_opposite_hues(degrees):
    x, y = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    hue, saturation, value = _hsv(_constant(x, y))
    assert (hue * 360 - degrees + 180) % 360 - 180 == pytest.approx(0, abs=0.5)
    assert (saturation, value) == (1, 1)
    assert (_hsv(_constant(-x, -y))[0] - hue) % 1 == pytest.approx(0.5, abs=0.002)


def test_saturation_is_the_length():
    lengths = np.linspace(0, 10, 11)
    flow = np.zeros((1, 11, 2))
    flow[0, :, 0] = lengths
    saturation = 1 - flow_to_rgb(flow)[0].min(axis=1) / 255
    assert saturation == pytest.approx(lengths / 10, abs=0.51 / 255)


def test_max_magnitude_clips_and_makes_pictures_comparable():
    full = flow_to_rgb(_constant(4, 3), 5)
    assert (flow_to_rgb(_constant(40, 30), 5) == full).all()
    assert _hsv(_constant(2, 1.5), 5)[1] == pytest.approx(0.5, abs=0.51 / 255)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf, 1e10, -2e9])
def test_what_is_not_finite_is_black_and_sets_no_scale(bad):
    flow = _constant(1, 0).copy()
    flow[1, 2, 1] = bad
    rgb = flow_to_rgb(flow)
    assert (rgb[1, 2] == 0).all()
    rgb[1, 2] = (255, 0, 0)
    assert (rgb == (255, 0, 0)).all()


def test_empty_and_integer_fields():
    assert flow_to_rgb(np.zeros((0, 4, 2))).shape == (0, 4, 3)
    assert (flow_to_rgb(np.array([[[3, 0]]])) == (255, 0, 0)).all()


def test_refusals():
    with pytest.raises(ValueError, match=r'\(H, W, 2\), got \(2, 5, 8\)'):
        flow_to_rgb(np.zeros((2, HEIGHT, WIDTH)))
    for wrong in (0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match='max_magnitude must be a positive number'):
            flow_to_rgb(_constant(1, 0), wrong)
