import numpy as np
import pytest
import torch
from helpers import constant_flow, random_flow

from i2vda_mmseg.ops import flip_flow, resize_flow, warp


@pytest.mark.parametrize('size', [(9, 17), (3, 5), (5, 21), (1, 1)])
def test_a_constant_flow_scales_with_the_distance_of_the_outermost_pixels(size):
    resized = resize_flow(constant_flow(8.0, 4.0, 5, 9, batch=2), size)
    expected = constant_flow(8.0 * (size[1] - 1) / 8, 4.0 * (size[0] - 1) / 4, *size, batch=2)
    torch.testing.assert_close(resized, expected)


def test_a_linear_flow_keeps_its_slope():
    """A zoom about pixel 0 is the same zoom on every grid: u = s x with x and u in pixels of that grid."""
    x = torch.arange(13.0).expand(7, 13)
    y = torch.arange(7.0)[:, None].expand(7, 13)
    resized = resize_flow(torch.stack((0.5 * x + 2, -0.25 * y))[None], (4, 25))
    expected_x = 0.5 * torch.arange(25.0).expand(4, 25) + 2 * 24 / 12
    expected_y = -0.25 * torch.arange(4.0)[:, None].expand(4, 25)
    torch.testing.assert_close(resized[0], torch.stack((expected_x, expected_y)))


def test_the_logits_grid_of_the_paper():
    resized = resize_flow(constant_flow(1023.0, 511.0, 512, 1024), (65, 129))
    torch.testing.assert_close(resized, constant_flow(128.0, 64.0, 65, 129))


def test_a_side_of_one_pixel_has_no_displacement_to_scale():
    assert resize_flow(constant_flow(3.0, 2.0, 1, 5), (1, 5))[0, :, 0, 0].tolist() == [3.0, 0.0]


def test_flipping_commutes_with_warping():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 3, 6, 9, generator=generator)
    flow = 8 * torch.rand(2, 2, 6, 9, generator=generator) - 4
    torch.testing.assert_close(warp(x, flow).flip(3), warp(x.flip(3), flip_flow(flow)))
    assert torch.equal(flip_flow(flip_flow(flow)), flow)


def test_resizing_there_and_back_keeps_a_smooth_flow():
    flow = torch.from_numpy(random_flow(np.random.default_rng(0), 3.0, 1, 3, 4))
    fine = resize_flow(flow, (5, 7))  # every second pixel is one of the coarse grid
    torch.testing.assert_close(resize_flow(fine, (3, 4)), flow)


@pytest.mark.parametrize('function', [flip_flow, lambda flow: resize_flow(flow, (2, 3))])
def test_what_is_no_flow_is_refused(function):
    with pytest.raises(ValueError, match=r'shape \(N, 2, H, W\)'):
        function(torch.zeros(1, 3, 4, 5))
    with pytest.raises(TypeError, match='floating point'):
        function(torch.zeros(1, 2, 4, 5, dtype=torch.int64))
