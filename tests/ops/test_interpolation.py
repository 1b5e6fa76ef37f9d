import numpy as np
import pytest
import torch
from helpers import constant_flow, random_flow, warp_reference

from i2vda_mmseg.ops import interpolate_frame


def noise(seed, magnitude=5.0, batch=2, height=7, width=11):
    """Two frames of 0..255 and two unrelated flows, float32."""
    rng = np.random.default_rng(seed)
    frames = [255 * rng.random((batch, 3, height, width)) for _ in range(2)]
    flows = [random_flow(rng, magnitude, batch, height, width) for _ in range(2)]
    return [torch.from_numpy(x).float() for x in frames + flows]


def test_ends():
    frame_0, frame_1, flow_01, flow_10 = noise(0)
    assert torch.equal(interpolate_frame(frame_0, frame_1, flow_01, flow_10, t=0.0, alpha=1.0), frame_0)
    assert torch.equal(interpolate_frame(frame_0, frame_1, flow_01, flow_10, t=1.0, alpha=0.0), frame_1)


@pytest.mark.parametrize('t', [0.0, 0.25, 0.6, 1.0])
@pytest.mark.parametrize('alpha', [0.0, 0.3, 0.5, 1.0])
def test_agrees_with_reference(t, alpha):
    inputs = noise(1)
    frame_0, frame_1, flow_01, flow_10 = (x.double().numpy() for x in inputs)
    expected = alpha * warp_reference(frame_0, t * flow_10) + (1 - alpha) * warp_reference(frame_1, (1 - t) * flow_01)
    out = interpolate_frame(*inputs, t=t, alpha=alpha)
    np.testing.assert_allclose(out.numpy(), expected, atol=2e-3)


def test_ends_of_the_default_are_mixtures():
    """With alpha 1/2, t = 0 is not frame 0 but its mean with frame 1 warped to time 0."""
    frame_0, frame_1, flow_01, flow_10 = noise(2)
    expected = (frame_0.double().numpy() + warp_reference(frame_1.double().numpy(), flow_01.double().numpy())) / 2
    out = interpolate_frame(frame_0, frame_1, flow_01, flow_10, t=0.0)
    np.testing.assert_allclose(out.numpy(), expected, atol=2e-3)


@pytest.mark.parametrize('alpha', [0.0, 0.5, 1.0])
@pytest.mark.parametrize(('u', 'v'), [(4, -2), (-6, 4), (2, 8)])
def test_translating_pattern_is_half_way_at_one_half(alpha, u, v):
    pattern = 255 * torch.rand(1, 3, 24, 31)
    moved = pattern.roll((v, u), dims=(2, 3))
    flow = constant_flow(u, v, 24, 31)
    out = interpolate_frame(pattern, moved, flow, -flow, t=0.5, alpha=alpha)
    half = pattern.roll((v // 2, u // 2), dims=(2, 3))
    interior = (..., slice(8, -8), slice(8, -8))
    torch.testing.assert_close(out[interior], half[interior], rtol=0, atol=1e-4)


@pytest.mark.parametrize('t', [0.0, 0.37, 1.0])
def test_static_scene_is_unchanged(t):
    frame = 255 * torch.rand(1, 3, 5, 9)
    still = torch.zeros(1, 2, 5, 9)
    torch.testing.assert_close(interpolate_frame(frame, frame, still, still, t=t, alpha=0.3), frame)


def test_keeps_dtype():
    inputs = noise(3)
    out = interpolate_frame(inputs[0].half(), inputs[1].half(), *inputs[2:], t=0.5)
    assert out.dtype == torch.float16
    torch.testing.assert_close(out.float(), interpolate_frame(*inputs, t=0.5), rtol=0, atol=0.4)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(t=-0.01), 't must lie'),
    (dict(t=1.01), 't must lie'),
    (dict(t=float('nan')), 't must lie'),
    (dict(alpha=-0.5), 'alpha must lie'),
    (dict(alpha=2), 'alpha must lie'),
    (dict(frame_1=torch.zeros(2, 3, 11, 7)), 'agree in shape'),
    (dict(flow_10=torch.zeros(2, 2, 11, 7)), 'agree in shape'),
])  # fmt: skip
def test_errors(change, message):
    arguments = dict(zip(('frame_0', 'frame_1', 'flow_01', 'flow_10'), noise(4))) | dict(t=0.5)
    with pytest.raises(ValueError, match=message):
        interpolate_frame(**(arguments | change))


def test_flows_of_another_size_than_the_frames():
    frame_0, frame_1, flow_01, flow_10 = noise(5)
    with pytest.raises(ValueError, match='agree in N, H and W'):
        interpolate_frame(frame_0, frame_1, flow_01[..., :-1], flow_10[..., :-1], t=0.5)
