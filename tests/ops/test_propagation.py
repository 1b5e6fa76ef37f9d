import time

import numpy as np
import pytest
import torch
from helpers import random_flow

from i2vda_mmseg.ops import propagate


def loop(x, flow):
    """Move pixel after pixel, columns outside, rows inside; the last one stays."""
    moved, landed = np.zeros_like(x), np.zeros((x.shape[0], *x.shape[2:]), dtype=bool)
    height, width = x.shape[2:]
    for n in range(x.shape[0]):
        for column in range(width):
            for row in range(height):
                to_column = round(column + float(flow[n, 0, row, column]))
                to_row = round(row + float(flow[n, 1, row, column]))
                if 0 <= to_column < width and 0 <= to_row < height:
                    moved[n, :, to_row, to_column] = x[n, :, row, column]
                    landed[n, to_row, to_column] = True
    return moved, landed


@pytest.mark.parametrize('magnitude', [0.0, 0.4, 3.0, 40.0])
@pytest.mark.parametrize('shape', [(2, 5, 7), (1, 1, 9), (3, 8, 3)])
def test_equals_the_loop(shape, magnitude):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((shape[0], 4, *shape[1:]))
    flow = random_flow(rng, magnitude, *shape)
    moved, landed = propagate(torch.from_numpy(x), torch.from_numpy(flow))
    expected, expected_landed = loop(x, flow)
    np.testing.assert_array_equal(moved.numpy(), expected)
    np.testing.assert_array_equal(landed.numpy(), expected_landed)


def test_of_two_on_one_pixel_the_last_by_columns_stays():
    """3, below, and 2, to the right, go to the corner of 1; 2 stands in the later column."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 1, 2, 2)
    flow = torch.zeros(1, 2, 2, 2)
    flow[0, 0, 0, 1] = flow[0, 1, 1, 0] = -1.0
    moved, landed = propagate(x, flow)
    assert moved.flatten().tolist() == [2, 0, 0, 4]
    assert landed.flatten().tolist() == [True, False, False, True]


def test_half_pixels_and_all_on_one():
    x = torch.arange(1.0, 7.0).view(1, 1, 2, 3)
    flow = torch.full((1, 2, 2, 3), 0.5, dtype=torch.float64)
    np.testing.assert_array_equal(propagate(x, flow)[0].numpy(), loop(x.numpy(), flow.numpy())[0])
    onto_one = torch.stack((1 - torch.arange(3.0).expand(2, 3), 1 - torch.arange(2.0)[:, None].expand(2, 3)))[None]
    moved, landed = propagate(x, onto_one)
    assert moved.flatten().tolist() == [0, 0, 0, 0, 6, 0]
    assert landed.flatten().tolist() == [False, False, False, False, True, False]


def test_gradient_goes_back_to_what_stayed():
    x = torch.ones(1, 1, 1, 3, requires_grad=True)
    flow = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]).view(1, 2, 1, 3)
    moved, _ = propagate(x, flow)
    (moved * torch.tensor([10.0, 20.0, 30.0])).sum().backward()
    assert x.grad.flatten().tolist() == [0.0, 20.0, 30.0]


def test_what_is_not_finite_leaves_the_frame():
    flow = torch.zeros(1, 2, 1, 3)
    flow[0, 0, 0] = torch.tensor([float('nan'), float('inf'), -float('inf')])
    assert not propagate(torch.ones(1, 2, 1, 3), flow)[1].any()


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r'flow must be \(1, 2, 3, 4\)'):
        propagate(torch.zeros(1, 5, 3, 4), torch.zeros(1, 2, 4, 3))


def test_is_much_faster_than_the_loop():
    rng = np.random.default_rng(0)
    x, flow = rng.standard_normal((1, 15, 64, 128)).astype(np.float32), random_flow(rng, 4, 1, 64, 128)
    tensors = torch.from_numpy(x), torch.from_numpy(flow).float()
    propagate(*tensors)
    seconds = [timed(propagate, *tensors) for _ in range(5)]
    assert timed(loop, x, flow) > 8 * min(seconds)  # about 25 on a quiet machine


def timed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start
