import cv2
import numpy as np
import pytest
import torch
from helpers import constant_flow, random_flow, warp_reference

from i2vda_mmseg.ops import inside, warp


def ramp(height, width, batch=1, dtype=torch.float32):
    """Two channels: the column and the row of each pixel."""
    column = torch.arange(width, dtype=dtype).expand(height, width)
    row = torch.arange(height, dtype=dtype)[:, None].expand(height, width)
    return torch.stack((column, row)).expand(batch, 2, height, width)


@pytest.mark.parametrize('mode', ['bilinear', 'nearest'])
@pytest.mark.parametrize('padding_mode', ['border', 'zeros'])
@pytest.mark.parametrize(('height', 'width'), [(5, 7), (8, 3), (1, 4), (6, 1)])
def test_zero_flow_is_identity_on_a_ramp(mode, padding_mode, height, width):
    x = ramp(height, width, batch=2)
    assert torch.equal(warp(x, torch.zeros_like(x), mode=mode, padding_mode=padding_mode), x)


@pytest.mark.parametrize('mode', ['bilinear', 'nearest'])
@pytest.mark.parametrize(('u', 'v'), [(3, 0), (-4, 0), (0, 2), (0, -5), (6, -3), (-1, 4)])
@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_whole_pixels_equal_roll_inside(mode, u, v, dtype, tolerance):
    x = torch.rand(1, 2, 12, 1024, dtype=dtype)
    flow = constant_flow(u, v, 12, 1024, dtype=dtype)
    keep = inside(flow)[:, None].expand_as(x)
    rolled = x.roll((-v, -u), dims=(2, 3))
    assert keep.sum() == 2 * (12 - abs(v)) * (1024 - abs(u))
    assert (warp(x, flow, mode=mode) - rolled)[keep].abs().max() <= tolerance


@pytest.mark.parametrize(('u', 'v'), [(0.5, 0), (0, 0.5), (-0.5, 0.25), (1.5, -2.75)])
def test_fraction_of_a_pixel_on_a_ramp(u, v):
    x = ramp(9, 13)
    flow = constant_flow(u, v, 9, 13)
    expected = x + torch.tensor([u, v]).view(1, 2, 1, 1)
    keep = inside(flow)[:, None].expand_as(x)
    torch.testing.assert_close(warp(x, flow)[keep], expected[keep])


def test_each_sample_has_its_own_flow():
    x = ramp(4, 6).repeat(2, 1, 1, 1)
    flow = torch.cat((constant_flow(1, 0, 4, 6), constant_flow(0, -1, 4, 6)))
    out = warp(x, flow)
    assert out[0, 0, 2].tolist() == [1, 2, 3, 4, 5, 5]
    assert out[1, 1, :, 3].tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize('padding_mode', ['border', 'zeros'])
@pytest.mark.parametrize('magnitude', [0.4, 3.0, 20.0, 1e6])
def test_agrees_with_reference(padding_mode, magnitude):
    rng = np.random.default_rng(1)
    x, flow = rng.standard_normal((2, 3, 7, 10)), random_flow(rng, magnitude, 2, 7, 10)
    out = warp(torch.from_numpy(x), torch.from_numpy(flow), padding_mode=padding_mode)
    np.testing.assert_allclose(out.numpy(), warp_reference(x, flow, padding_mode), atol=1e-9)


def test_agrees_with_cv2_inside():
    rng = np.random.default_rng(2)
    x = rng.random((1, 1, 20, 30), dtype=np.float32)
    flow = np.round(random_flow(rng, 4, 1, 20, 30) * 32) / 32  # cv2 knows 1/32 of a pixel
    flow = flow.astype(np.float32)
    map_x, map_y = np.arange(30) + flow[0, 0], np.arange(20)[:, None] + flow[0, 1]
    expected = cv2.remap(x[0, 0], map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR)
    keep = inside(torch.from_numpy(flow))[0].numpy()
    out = warp(torch.from_numpy(x), torch.from_numpy(flow))[0, 0].numpy()
    assert 300 < keep.sum() < 600
    np.testing.assert_allclose(out[keep], expected[keep], atol=1e-5)


def test_agrees_with_grid_sample_in_value_and_gradient():
    x = torch.rand(1, 2, 6, 9, dtype=torch.float64, requires_grad=True)
    flow = (8 * torch.rand(1, 2, 6, 9, dtype=torch.float64) - 4).requires_grad_()
    size = torch.tensor([9, 6], dtype=torch.float64)
    position = ramp(6, 9, dtype=torch.float64) + flow
    grid = 2 * position.permute(0, 2, 3, 1) / (size - 1) - 1
    expected = torch.nn.functional.grid_sample(x, grid, padding_mode='border', align_corners=True)
    weight = torch.rand_like(expected)
    gradients = torch.autograd.grad((warp(x, flow) * weight).sum(), (x, flow))
    expected_gradients = torch.autograd.grad((expected * weight).sum(), (x, flow))
    torch.testing.assert_close(warp(x, flow), expected)
    torch.testing.assert_close(gradients, expected_gradients)


@pytest.mark.parametrize('padding_mode', ['border', 'zeros'])
def test_nearest_never_invents_a_label(padding_mode):
    rng = np.random.default_rng(3)
    labels = torch.from_numpy(rng.choice([0.0, 3.0, 7.0, 255.0], (1, 1, 9, 14)))
    flow = torch.from_numpy(random_flow(rng, 12, 1, 9, 14))
    out = warp(labels, flow, mode='nearest', padding_mode=padding_mode)
    assert set(out.unique().tolist()) <= {0.0, 3.0, 7.0, 255.0}
    assert not torch.equal(out, labels)


@pytest.mark.parametrize('padding_mode', ['border', 'zeros'])
@pytest.mark.parametrize('dtype', [np.float64, np.int64, np.uint8])
def test_nearest_takes_the_nearest_pixel(padding_mode, dtype):
    rng = np.random.default_rng(4)
    x, flow = rng.integers(1, 255, (2, 1, 5, 8)).astype(dtype), random_flow(rng, 6, 2, 5, 8)
    expected = np.zeros_like(x)
    outside = 0
    for n, i, j in np.ndindex(2, 5, 8):
        row, column = np.round([i + flow[n, 1, i, j], j + flow[n, 0, i, j]]).astype(int)
        if padding_mode == 'border' or (0 <= row <= 4 and 0 <= column <= 7):
            expected[n, 0, i, j] = x[n, 0, row.clip(0, 4), column.clip(0, 7)]
        else:
            outside += 1
    assert (10 < outside < 70) == (padding_mode == 'zeros')
    out = warp(torch.from_numpy(x), torch.from_numpy(flow), mode='nearest', padding_mode=padding_mode).numpy()
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize('padding_mode', ['border', 'zeros'])
def test_nearest_keeps_whole_numbers_that_no_float_holds(padding_mode):
    x = 2**60 + torch.arange(12).view(1, 1, 3, 4)
    out = warp(x, constant_flow(1, 0, 3, 4), mode='nearest', padding_mode=padding_mode)
    last = x[..., -1:] if padding_mode == 'border' else torch.zeros(1, 1, 3, 1, dtype=torch.int64)
    assert torch.equal(out, torch.cat((x[..., 1:], last), dim=3))


def test_gradcheck():
    x = torch.rand(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    # far from whole positions, where bilinear interpolation has a kink, and partly out of the frame
    flow = (torch.randint(-3, 3, (2, 2, 4, 5)) + 0.2 + 0.6 * torch.rand(2, 2, 4, 5)).double().requires_grad_()
    assert torch.autograd.gradcheck(warp, (x, flow))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_keeps_the_dtype_of_x(dtype):
    x = torch.arange(8.0).to(dtype).expand(1, 1, 300, 8)
    out = warp(x, constant_flow(0.25, 0, 300, 8))
    assert out.dtype == dtype
    assert out[0, 0, 299].tolist() == [0.25, 1.25, 2.25, 3.25, 4.25, 5.25, 6.25, 7]


@pytest.mark.parametrize('x_dtype', [torch.bfloat16, torch.float32])
@pytest.mark.parametrize('flow_dtype', [torch.bfloat16, torch.float32])
def test_positions_are_exact_in_low_precision(x_dtype, flow_dtype):
    """There is no 259 in bfloat16: positions must be computed in float32."""
    x = (torch.arange(512) % 7).to(x_dtype).expand(1, 1, 2, 512)
    out = warp(x, constant_flow(1, 0, 2, 512, dtype=flow_dtype))
    assert torch.equal(out[..., :511], x[..., 1:])


def test_a_double_image_keeps_its_digits_under_a_float_flow():
    x = torch.rand(1, 2, 5, 7, dtype=torch.float64)
    out = warp(x, constant_flow(1, 0, 5, 7, dtype=torch.float32))
    assert torch.equal(out[..., :6], x[..., 1:])


@pytest.mark.parametrize(('mode', 'there'), [('bilinear', float('nan')), ('nearest', 0.0)])
def test_flow_that_is_not_a_number(mode, there):
    x = ramp(4, 5)[:, :1]
    flow = torch.zeros(1, 2, 4, 5)
    flow[0, :, 2, 3] = float('nan')
    expected = x.clone()
    expected[0, 0, 2, 3] = there
    torch.testing.assert_close(warp(x, flow, mode=mode), expected, equal_nan=True)


@pytest.mark.parametrize(('value', 'corner'), [(float('inf'), (3, 4)), (float('-inf'), (0, 0))])
@pytest.mark.parametrize('mode', ['bilinear', 'nearest'])
def test_infinite_flow_takes_the_border(value, corner, mode):
    x = 7 + ramp(4, 5)[:, :1]
    flow = torch.zeros(1, 2, 4, 5)
    flow[0, :, 2, 3] = value
    expected = x.clone()
    expected[0, 0, 2, 3] = x[0, 0, *corner]
    torch.testing.assert_close(warp(x, flow, mode=mode), expected, equal_nan=True)


@pytest.mark.parametrize(('x', 'flow', 'options', 'error', 'message'), [
    (torch.zeros(1, 1, 4, 6), torch.zeros(1, 2, 6, 4), {}, ValueError, r'\(1, 1, 4, 6\), flow \(1, 2, 6, 4\)'),
    (torch.zeros(1, 1, 4, 6), torch.zeros(2, 2, 4, 6), {}, ValueError, 'agree in N, H and W'),
    (torch.zeros(1, 4, 6), torch.zeros(1, 2, 4, 6), {}, ValueError, r'\(1, 4, 6\)'),
    (torch.zeros(1, 1, 4, 6), torch.zeros(1, 3, 4, 6), {}, ValueError, r'\(N, 2, H, W\), got \(1, 3, 4, 6\)'),
    (torch.zeros(1, 1, 4, 6), torch.zeros(1, 4, 6, 2), {}, ValueError, r'\(N, 2, H, W\)'),
    (torch.zeros(1, 1, 4, 6), torch.zeros(1, 2, 4, 6).long(), {}, TypeError, 'int64'),
    (torch.zeros(1, 1, 4, 6).long(), torch.zeros(1, 2, 4, 6), {}, TypeError, 'nearest'),
    (torch.zeros(1, 1, 4, 6), torch.zeros(1, 2, 4, 6), dict(mode='bicubic'), ValueError, "'bicubic'"),
    (torch.zeros(1, 1, 4, 6), torch.zeros(1, 2, 4, 6), dict(padding_mode='wrap'), ValueError, "'wrap'"),
])  # fmt: skip
def test_errors(x, flow, options, error, message):
    with pytest.raises(error, match=message):
        warp(x, flow, **options)


def test_inside_is_the_closed_frame():
    flow = torch.zeros(1, 2, 4, 6)
    flow[0, 0, 0, 0] = 5.0  # on the last column
    flow[0, 0, 0, 1] = 4.001
    flow[0, 0, 1, 3] = -3.0
    flow[0, 0, 1, 4] = -4.001
    flow[0, 1, 3, 0] = -3.0
    flow[0, 1, 3, 1] = 0.001
    flow[0, 1, 2, 2] = float('nan')
    flow[0, 0, 2, 3] = float('inf')
    expected = torch.ones(1, 4, 6, dtype=torch.bool)
    for row, column in [(0, 1), (1, 4), (3, 1), (2, 2), (2, 3)]:
        expected[0, row, column] = False
    assert torch.equal(inside(flow), expected)


def test_inside_agrees_with_a_loop():
    flow = random_flow(np.random.default_rng(5), 9, 2, 6, 11)
    expected = np.empty((2, 6, 11), dtype=bool)
    for n, i, j in np.ndindex(2, 6, 11):
        u, v = flow[n, :, i, j]
        expected[n, i, j] = 0 <= j + u <= 10 and 0 <= i + v <= 5
    np.testing.assert_array_equal(inside(torch.from_numpy(flow)).numpy(), expected)
    assert 0.1 < expected.mean() < 0.9


@pytest.mark.parametrize(
    ('flow', 'error'), [(torch.zeros(1, 2, 4, 6).int(), TypeError), (torch.zeros(2, 4, 6), ValueError)]
)
def test_inside_errors(flow, error):
    with pytest.raises(error, match='flow must'):
        inside(flow)
