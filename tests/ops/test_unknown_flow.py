import pytest
import torch
from helpers import constant_flow

from i2vda_mmseg.ops import consistency_mask, inside, interpolate_frame, unknown, warp


@pytest.mark.parametrize('mark', [1e10, -1e10, float('inf')])
def test_unknown_flow_is_valid_nowhere_and_spoils_nothing(mark):
    generator = torch.Generator().manual_seed(0)
    frame_0, frame_1 = (torch.rand(1, 3, 6, 9, generator=generator) for _ in range(2))
    known = constant_flow(1.5, -0.5, 6, 9)
    flow = known.clone()
    flow[0, 1, 2, 4] = mark
    elsewhere = torch.ones(1, 6, 9, dtype=torch.bool)
    elsewhere[0, 2, 4] = False
    assert torch.equal(unknown(flow), ~elsewhere)
    assert not unknown(known).any()
    assert torch.equal(inside(flow), inside(known) & elsewhere)
    for frame in '01':
        mask = consistency_mask(*((-known, flow) if frame == '1' else (flow, -known)), frame=frame)
        assert torch.equal(mask, consistency_mask(-known, known) & elsewhere)
    assert not consistency_mask(flow, -known)[0, 1:3, 5:7].any()  # where the unknown vector is looked up
    warped = warp(frame_1, flow)
    assert warped.isfinite().all()
    assert torch.equal(warped[:, :, elsewhere[0]], warp(frame_1, known)[:, :, elsewhere[0]])
    between = interpolate_frame(frame_0, frame_1, flow, -known, t=0.25)
    expected = interpolate_frame(frame_0, frame_1, known, -known, t=0.25)
    assert torch.equal(between[:, :, elsewhere[0]], expected[:, :, elsewhere[0]])
    still = interpolate_frame(frame_0, frame_1, torch.zeros_like(flow), -known, t=0.25)
    assert torch.equal(between[..., 2, 4], still[..., 2, 4])
