import pytest
import torch
from helpers import TinyFlow
from torch import Tensor

from i2vda_mmseg.flow import FlowEstimator


class Positions(FlowEstimator):
    """Gives each pixel's own column and row, and keeps what it was handed."""

    def estimate(self, frame_a: Tensor, frame_b: Tensor, keys):
        self.handed = frame_a, frame_b, keys
        batch, _, height, width = frame_a.shape
        column = torch.arange(width, dtype=torch.float64).expand(batch, height, width)
        row = torch.arange(height, dtype=torch.float64)[:, None].expand(batch, height, width)
        return torch.stack((column, row), dim=1)


def frames(height, width, batch=2):
    return [255 * torch.rand(batch, 3, height, width) for _ in range(2)]


@pytest.mark.parametrize(('size', 'options', 'padded'), [
    ((5, 7), dict(), (5, 7)),
    ((64, 128), dict(size_divisor=64), (64, 128)),
    ((65, 127), dict(size_divisor=64), (128, 128)),
    ((1, 9), dict(size_divisor=8), (8, 16)),
    ((5, 40), dict(min_size=32), (32, 40)),
    ((5, 40), dict(size_divisor=24, min_size=32), (48, 48)),
])  # fmt: skip
def test_pads_and_crops(size, options, padded):
    estimator = Positions(**options)
    frame_a, frame_b = frames(*size)
    flow = estimator(frame_a, frame_b)
    assert flow.shape == (2, 2, *size)
    assert flow.dtype == torch.float32
    assert flow[1, 0, -1].tolist() == list(range(size[1]))  # the padding is right and below: pixels keep their place
    assert flow[1, 1, :, -1].tolist() == list(range(size[0]))
    for original, handed in zip((frame_a, frame_b), estimator.handed):
        assert handed.shape == (2, 3, *padded)
        row, column = torch.arange(padded[0]).clamp(max=size[0] - 1), torch.arange(padded[1]).clamp(max=size[1] - 1)
        assert torch.equal(handed, original[:, :, row][..., column])


@pytest.mark.parametrize('size', [(6, 8), (5, 7)])
@pytest.mark.parametrize('dtype', [torch.uint8, torch.float64, torch.float16])
def test_any_dtype_of_frames(size, dtype):
    frame_a, frame_b = (frame.round() for frame in frames(*size))
    estimator = TinyFlow(size_divisor=2).eval()
    assert torch.equal(estimator(frame_a.to(dtype), frame_b.to(dtype)), estimator(frame_a, frame_b))


@pytest.mark.parametrize('size', [(64, 128), (50, 70)])
def test_an_estimator_sees_float32_whether_frames_are_padded_or_not(size):
    estimator = Positions(size_divisor=64)
    estimator(*(frame.double() for frame in frames(*size)))
    assert [frame.dtype for frame in estimator.handed[:2]] == [torch.float32] * 2


def test_keys_are_handed_through():
    estimator = Positions()
    estimator(*frames(4, 6))
    assert estimator.handed[2] is None
    keys = [('a/0.png', 'a/1.png'), ('b/0.png', 'b/1.png')]
    estimator(*frames(4, 6), keys)
    assert estimator.handed[2] == keys


def test_never_differentiated():
    frame_a, frame_b = frames(4, 6)
    frame_a.requires_grad_()
    flow = TinyFlow()(frame_a, frame_b)
    assert not flow.requires_grad
    # but a flow may be used in a graph, as Eq. 4 does
    x = torch.rand_like(flow, requires_grad=True)
    (x * flow).sum().backward()
    assert torch.equal(x.grad, flow)


def test_stays_in_eval_mode():
    estimator = TinyFlow()
    around = torch.nn.Sequential(estimator)
    around.train()
    assert around.training
    assert not any(module.training for module in estimator.modules())


def test_is_in_eval_mode_from_the_start():
    estimator = TinyFlow()
    mean = estimator.norm.running_mean.clone()
    estimator(*frames(4, 6))
    assert torch.equal(estimator.norm.running_mean, mean)


@pytest.mark.parametrize(('shape_a', 'shape_b'), [
    ((1, 3, 4, 6), (1, 3, 6, 4)),
    ((1, 3, 4, 6), (2, 3, 4, 6)),
    ((3, 4, 6), (3, 4, 6)),
    ((1, 1, 4, 6), (1, 1, 4, 6)),
    ((1, 4, 6, 3), (1, 4, 6, 3)),
])  # fmt: skip
def test_errors(shape_a, shape_b):
    with pytest.raises(ValueError, match=r'\(N, 3, H, W\)'):
        Positions()(torch.zeros(shape_a), torch.zeros(shape_b))


def test_needs_an_estimate():
    with pytest.raises(TypeError, match='abstract'):
        FlowEstimator()
