import math
import re

import numpy as np
import pytest
import torch
from helpers import consistency_reference, constant_flow, entropy_reference, random_flow
from mmseg.registry import MODELS


def build(**options):
    return MODELS.build(dict(type='OcclusionAwarePseudoLabelHead', **options))


def problem(seed, classes=4, height=9, width=14):
    """Logits and flows for which each condition of Eq. 8 holds somewhere and fails somewhere."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.standard_normal((2, classes, height, width))
    shift = np.array([2.0, -1.0]).reshape(1, 2, 1, 1)
    return logits, shift + random_flow(rng, 1, 2, height, width), -shift + random_flow(rng, 1, 2, height, width)


@pytest.mark.parametrize('frame', ['0', '1'])
@pytest.mark.parametrize(('delta', 'eta'), [(0.3, 1.0), (0.8, 1.0), (0.5, 0.5), (0.1, 2.0)])
@pytest.mark.parametrize(('use_entropy', 'use_occlusion'), [(True, True), (True, False), (False, True), (False, False)])
def test_agrees_with_reference(frame, delta, eta, use_entropy, use_occlusion):
    logits, flow_01, flow_10 = problem(0)
    certain = entropy_reference(logits) < delta
    visible = consistency_reference(flow_01, flow_10, eta, frame)
    assert certain.any()
    assert not certain.all()
    assert visible.any()
    assert not visible.all()
    keep = (certain | (not use_entropy)) & (visible | (not use_occlusion))
    expected = np.where(keep, logits.argmax(1), 255)
    head = build(delta=delta, eta=eta, frame=frame, use_entropy=use_entropy, use_occlusion=use_occlusion)
    out = head(*(torch.from_numpy(x) for x in (logits, flow_01, flow_10)))
    assert out.dtype == torch.int64
    np.testing.assert_array_equal(out.numpy(), expected)


def test_default_is_the_frame_of_the_prediction_with_the_papers_thresholds():
    head = build()
    attributes = (head.delta, head.eta, head.frame, head.use_entropy, head.use_occlusion)
    assert attributes == (0.3, 1.0, '1', True, True)
    inputs = [torch.from_numpy(x) for x in problem(1)]
    assert torch.equal(head(*inputs), build(delta=0.3, eta=1.0, frame='1')(*inputs))
    assert not torch.equal(head(*inputs), build(frame='0')(*inputs))


def test_extremes():
    logits, flow_01, flow_10 = (torch.from_numpy(x) for x in problem(2))
    assert (build(delta=0)(logits, flow_01, flow_10) == 255).all()
    assert (build(eta=0)(logits, flow_01, flow_10) == 255).all()
    assert torch.equal(build(delta=1.1, eta=1e3)(logits, flow_01, flow_10), logits.argmax(1))
    uniform = torch.zeros_like(logits)
    assert (build(delta=1.0, eta=1e3)(uniform, flow_01, flow_10) == 255).all()  # E = 1 is not below 1


def test_entropy_on_the_threshold_is_ignored():
    """Two classes of equal probability out of four: E = 1/2 exactly, up to rounding."""
    logits = torch.full((1, 4, 1, 3), -1e4, dtype=torch.float64)
    logits[:, 1:3] = 0.0
    still = torch.zeros(1, 2, 1, 3)
    margin = 1e-9
    assert math.log(2) / math.log(4) == 0.5
    assert (build(delta=0.5 - margin)(logits, still, still) == 255).all()
    assert (build(delta=0.5 + margin)(logits, still, still) == 1).all()


def test_validity_is_eq_7():
    head = build(eta=2.0)
    still = torch.zeros(1, 2, 4, 6)
    assert not head.validity(constant_flow(2, 0, 4, 6), still).any()
    assert head.validity(constant_flow(1.9, 0, 4, 6), still).all()


def test_prediction_that_is_not_a_number_is_ignored():
    """Eq. 8 keeps a pixel if E < delta, which does not hold for an entropy that is not a number."""
    logits = torch.zeros(1, 3, 2, 4)
    logits[:, 1] = 20
    logits[0, :, 0, 0] = float('nan')
    still = torch.zeros(1, 2, 2, 4)
    expected = torch.ones(1, 2, 4, dtype=torch.int64)
    expected[0, 0, 0] = 255
    assert torch.equal(build()(logits, still, still), expected)


def test_makes_no_graph_and_leaves_its_input():
    logits, flow_01, flow_10 = (torch.from_numpy(x).requires_grad_() for x in problem(3))
    before = logits.detach().clone()
    assert not build()(logits, flow_01, flow_10).requires_grad
    assert torch.equal(logits, before)


@pytest.mark.parametrize(('options', 'message'), [
    (dict(frame='t'), "'t'"), (dict(frame=1), "'0' or '1', got 1"), (dict(delta=-0.1), 'delta=-0.1'),
    (dict(eta=-1), 'eta=-1'),
])  # fmt: skip
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


@pytest.mark.parametrize('shape', [(2, 4, 5, 7), (2, 4, 14, 9), (1, 4, 9, 14)])
@pytest.mark.parametrize('use_occlusion', [True, False])
def test_logits_of_another_shape_than_the_flows(shape, use_occlusion):
    flow = torch.zeros(2, 2, 9, 14)
    message = re.escape(f'(upsample the logits to the image first): got {shape} and (2, 2, 9, 14)')
    with pytest.raises(ValueError, match=message):
        build(use_occlusion=use_occlusion)(torch.zeros(shape), flow, flow)
