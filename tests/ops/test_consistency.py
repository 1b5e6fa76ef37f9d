import numpy as np
import pytest
import torch
from helpers import consistency_reference, constant_flow, random_flow

from i2vda_mmseg.ops import consistency_mask


@pytest.mark.parametrize('frame', ['0', '1'])
@pytest.mark.parametrize(('u', 'v'), [(0, 0), (1.5, 0), (-40, 0), (0, 7), (3, -25), (40, 40)])
def test_opposite_constant_flows_are_consistent(frame, u, v):
    flow = constant_flow(u, v, 6, 9)
    assert consistency_mask(flow, -flow, eta=1e-6, frame=frame).all()


@pytest.mark.parametrize('frame', ['0', '1'])
@pytest.mark.parametrize('magnitude', [0.6, 2.0, 15.0, 60.0])
@pytest.mark.parametrize('eta', [0.5, 1.0, 3.0])
def test_agrees_with_reference(frame, magnitude, eta):
    """A large shift of either sign, there and back, with errors around the threshold."""
    rng = np.random.default_rng(int(10 * magnitude))
    shift = magnitude * np.array([1.0, -1.0]).reshape(1, 2, 1, 1)
    flow_01 = shift + random_flow(rng, eta, 2, 9, 13)
    flow_10 = -shift + random_flow(rng, eta, 2, 9, 13)
    expected = consistency_reference(flow_01, flow_10, eta, frame)
    out = consistency_mask(torch.from_numpy(flow_01), torch.from_numpy(flow_10), eta=eta, frame=frame)
    assert 0.2 < expected.mean() < 0.95
    np.testing.assert_array_equal(out.numpy(), expected)


@pytest.mark.parametrize('frame', ['0', '1'])
@pytest.mark.parametrize('magnitude', [2.0, 12.0])
def test_agrees_with_reference_on_unrelated_flows(frame, magnitude):
    rng = np.random.default_rng(7)
    flow_01, flow_10 = random_flow(rng, magnitude, 1, 11, 16), random_flow(rng, magnitude, 1, 11, 16)
    out = consistency_mask(torch.from_numpy(flow_01), torch.from_numpy(flow_10), eta=2.0, frame=frame)
    np.testing.assert_array_equal(out.numpy(), consistency_reference(flow_01, flow_10, 2.0, frame))


@pytest.mark.parametrize(('u', 'v'), [(1, 0), (-1, 0), (0, 1), (0, -1), (3, 4), (-3, 4), (4, -3)])
def test_threshold_is_strict_and_the_norm_is_euclidean(u, v):
    still, flow = torch.zeros(1, 2, 3, 5), constant_flow(u, v, 3, 5)
    norm = float(np.hypot(u, v))
    for frame in '01':
        assert not consistency_mask(flow, still, eta=norm, frame=frame).any()
        assert consistency_mask(flow, still, eta=norm + 1e-4, frame=frame).all()
        assert not consistency_mask(still, flow, eta=norm, frame=frame).any()


def test_uncovered_and_covered_strips_of_a_moving_square():
    """A square moves 3 px to the right and 1 px up over a still background."""
    old, new = (slice(6, 10), slice(5, 10)), (slice(5, 9), slice(8, 13))
    flow_01, flow_10 = torch.zeros(1, 2, 14, 20), torch.zeros(1, 2, 14, 20)
    flow_01[0, :, old[0], old[1]] = torch.tensor([3.0, -1.0]).view(2, 1, 1)
    flow_10[0, :, new[0], new[1]] = torch.tensor([-3.0, 1.0]).view(2, 1, 1)
    was, now = torch.zeros(14, 20, dtype=torch.bool), torch.zeros(14, 20, dtype=torch.bool)
    was[old], now[new] = True, True
    assert torch.equal(~consistency_mask(flow_01, flow_10, frame='1')[0], was & ~now)
    assert torch.equal(~consistency_mask(flow_01, flow_10, frame='0')[0], now & ~was)


def test_frame_1_is_the_default_with_one_pixel():
    rng = np.random.default_rng(8)
    flow_01, flow_10 = (torch.from_numpy(random_flow(rng, 1, 1, 8, 12)) for _ in range(2))
    default = consistency_mask(flow_01, flow_10)
    assert torch.equal(default, consistency_mask(flow_01, flow_10, 1.0, '1'))
    assert not torch.equal(default, consistency_mask(flow_01, flow_10, 1.0, '0'))


def test_exchanging_the_frames_exchanges_the_grids():
    rng = np.random.default_rng(9)
    flow_01, flow_10 = (torch.from_numpy(random_flow(rng, 2, 1, 8, 12)) for _ in range(2))
    assert torch.equal(consistency_mask(flow_01, flow_10, frame='1'), consistency_mask(flow_10, flow_01, frame='0'))


def test_low_precision_flow():
    """2.5 px at 30 px is 0.06 px wrong in bfloat16, but the sum of opposite values is exact."""
    flow = constant_flow(2.5, -30.1, 5, 8, dtype=torch.bfloat16)
    assert consistency_mask(flow, -flow, eta=1e-3).all()


def test_flow_that_is_not_a_number_is_not_kept():
    still = torch.zeros(1, 2, 4, 6)
    broken = still.clone()
    broken[0, 0, 1, 2] = float('nan')
    expected = torch.ones(1, 4, 6, dtype=torch.bool)
    expected[0, 1, 2] = False
    assert torch.equal(consistency_mask(still, broken), expected)


@pytest.mark.parametrize(('flow_01', 'flow_10', 'options', 'error', 'message'), [
    (torch.zeros(1, 2, 4, 6), torch.zeros(1, 2, 6, 4), {}, ValueError, 'differ in shape'),
    (torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 4, 6), {}, ValueError, r'\(N, 2, H, W\)'),
    (torch.zeros(1, 2, 4, 6), torch.zeros(1, 2, 4, 6), dict(frame='2'), ValueError, "'2'"),
    (torch.zeros(1, 2, 4, 6), torch.zeros(1, 2, 4, 6), dict(frame=1), ValueError, "'0' or '1', got 1"),
    (torch.zeros(1, 2, 4, 6).int(), torch.zeros(1, 2, 4, 6), {}, TypeError, 'int32'),
    (torch.zeros(1, 2, 4, 6), torch.zeros(1, 2, 4, 6).int(), {}, TypeError, 'int32'),
    (torch.zeros(1, 2, 4, 6), torch.zeros(1, 2, 4, 6).int(), dict(frame='0'), TypeError, 'floating point'),
])  # fmt: skip
def test_errors(flow_01, flow_10, options, error, message):
    with pytest.raises(error, match=message):
        consistency_mask(flow_01, flow_10, **options)
