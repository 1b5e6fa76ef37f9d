"""Networks that fuse two frames: what is fused with what, and where."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from helpers import constant_flow, data_sample
from mmseg.registry import MODELS
from two_frame import ACCEL_KINDS, accel_cfg

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors.dense_prediction import predict_densely
from i2vda_mmseg.models.segmentors.frame_fusion import stack_frames
from i2vda_mmseg.models.segmentors.supervision import supervised_pass
from i2vda_mmseg.ops import warp
from i2vda_mmseg.ops.multi_resolution import Box

SIZE, GRID, BOX = (32, 48), (8, 12), Box(8, 24, 16, 40)


def built(kind, **overrides):
    torch.manual_seed(0)
    network = MODELS.build(accel_cfg(kind, **overrides))
    for name, parameter in network.named_parameters():
        if not name.startswith('sf_layer'):
            torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def of_the_previous_frame(network):
    """Let the fusion give what was moved, and nothing of the current frame."""
    with torch.no_grad():
        network.sf_layer.weight.copy_(torch.eye(6)[3:, :, None, None])
    return network


def pair(seed=1, flow=None):
    generator = torch.Generator().manual_seed(seed)
    current, previous = torch.randn(2, 2, 3, *SIZE, generator=generator)
    flow = 9 * torch.randn(2, 2, *SIZE, generator=generator) if flow is None else flow
    return current, previous, flow


def single_network(network, kind):
    """The network of single frames with the same weights."""
    cfg = accel_cfg(kind)
    cfg.pop('propagation')
    cfg.type = kind.replace('Accel', '')
    single = MODELS.build(cfg)
    state = network.state_dict()
    del state['sf_layer.weight']
    single.load_state_dict(state, strict=True)
    return single.train(network.training)


@pytest.mark.parametrize('kind', ACCEL_KINDS)
@pytest.mark.parametrize('training', [False, True])
def test_it_begins_as_the_network_of_single_frames(kind, training):
    network = built(kind).train(training)
    single, parts = single_network(network, kind), pair()
    outputs = []
    for seen, images in ((network, stack_frames(*parts)), (network, parts[0]), (single, parts[0])):
        torch.manual_seed(5)
        outputs.append(seen(images, mode='tensor'))
    assert torch.equal(outputs[0], outputs[2])
    assert torch.equal(outputs[1], outputs[2])


@pytest.mark.parametrize('kind', ACCEL_KINDS)
@torch.no_grad()
def test_a_constant_flow_moves_logits_by_whole_pixels(kind):
    network = of_the_previous_frame(built(kind))
    step = (SIZE[1] - 1) / (GRID[1] - 1)  # a cell of the logits, in pixels
    current, previous, flow = pair(flow=constant_flow(2 * step, 0.0, *SIZE, batch=2))
    before, fused = network(previous, mode='tensor'), network(stack_frames(current, previous, flow), mode='tensor')
    torch.testing.assert_close(fused[..., :-2], before[..., 2:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kind', ACCEL_KINDS)
@torch.no_grad()
def test_predictions_are_fused_by_the_convolution(kind):
    network, parts = built(kind), pair()
    torch.nn.init.normal_(network.sf_layer.weight)
    current, previous, flow = parts
    now, before = network(current, mode='tensor'), network(previous, mode='tensor')
    sides = torch.tensor([(GRID[1] - 1) / (SIZE[1] - 1), (GRID[0] - 1) / (SIZE[0] - 1)]).view(1, 2, 1, 1)
    small = F.interpolate(flow, GRID, mode='bilinear', align_corners=True) * sides
    weight = network.sf_layer.weight[..., 0, 0]
    expected = torch.einsum('kc,nchw->nkhw', weight, torch.cat((now, warp(before, small)), 1))
    fused = network(stack_frames(*parts), mode='tensor')
    torch.testing.assert_close(fused, expected)
    whole = network.encode_decode(stack_frames(*parts), [dict(img_shape=SIZE)] * 2)
    torch.testing.assert_close(whole, F.interpolate(fused, SIZE, mode='bilinear', align_corners=network.align_corners))


@torch.no_grad()
def test_the_detail_is_fused_with_the_same_place_of_the_frame_before():
    """Each detail lies in the box, and so does the flow along which it is moved: what is elsewhere moves nothing."""
    network = of_the_previous_frame(built('AccelHRDAEncoderDecoder'))
    current, previous, _ = pair()
    expected = network.detail(previous, BOX)
    flow = constant_flow(30.0, -9.0, *SIZE, batch=2)
    BOX.cut(flow).zero_()
    _, detail = network.logits_in_box(stack_frames(current, previous, flow), BOX)
    assert torch.equal(detail, expected)

    cell = (24 - 1) / (6 - 1)  # of the detail's logits, in pixels
    flow = torch.zeros(2, 2, *SIZE)
    BOX.cut(flow)[:, 0] = cell
    _, detail = network.logits_in_box(stack_frames(current, previous, flow), BOX)
    torch.testing.assert_close(detail[..., :-1], expected[..., 1:], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_both_frames_are_seen_with_one_detail():
    """Of a still pair the previous frame alone gives what the current one does, wherever the detail lies."""
    network = of_the_previous_frame(built('AccelHRDAEncoderDecoder')).train()
    frame, seen = pair()[0], []
    for seed in range(6):
        outputs = []
        for images in (stack_frames(frame, frame, torch.zeros(2, 2, *SIZE)), frame):
            torch.manual_seed(seed)
            outputs.append(network(images, mode='tensor'))
        torch.testing.assert_close(*outputs)
        seen.append(outputs[0])
    assert not all(torch.allclose(seen[0], other) for other in seen)  # boxes that differ are seen to differ


def test_whole_and_detail_are_learnt_as_fused():
    network = built('AccelHRDAEncoderDecoder').train()
    torch.nn.init.normal_(network.sf_layer.weight)
    network.decode_head.loss_decode.avg_non_ignore = False
    predict_densely(network)
    images, labels = stack_frames(*pair()), torch.randint(0, 3, (2, *SIZE))
    other = deepcopy(network)
    torch.manual_seed(5)
    box = other.draw_box(SIZE)
    torch.manual_seed(5)
    found = supervised_pass(network, network, images, [data_sample(label) for label in labels], 'loss_seg')
    whole, detail = other.logits_in_box(images, box)

    def loss(logits, aim):
        return F.cross_entropy(F.interpolate(logits, aim.shape[1:], mode='bilinear', align_corners=False), aim)

    torch.testing.assert_close(
        found.losses['loss_seg'], 0.9 * loss(whole, labels) + 0.1 * loss(detail, box.cut(labels))
    )
    torch.testing.assert_close(found.coarse()['main'], whole)
    torch.testing.assert_close(found.encoded[-1], other.extract_feat(other.context_image(images[:, :3]))[-1])


@pytest.mark.parametrize('kind', ACCEL_KINDS)
def test_no_gradient_reaches_the_previous_frame(kind):
    network = built(kind).train()
    torch.nn.init.normal_(network.sf_layer.weight)
    images = stack_frames(*pair()).requires_grad_()
    samples = [data_sample(torch.randint(0, 3, SIZE)) for _ in images]
    sum(value for name, value in network.loss(images, samples).items() if 'loss' in name).backward()
    assert images.grad[:, :3].abs().sum() > 0
    assert images.grad[:, 3:6].abs().sum() == 0
    assert network.sf_layer.weight.grad[:, 3:].abs().sum() > 0
    network.zero_grad()
    network(images[:, :3], mode='tensor').sum().backward()
    assert network.sf_layer.weight.grad.abs().sum() == 0  # there, for DDP, and nothing learnt
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_auxiliary_heads_learn_from_the_current_frame():
    auxiliary = dict(type='DLV2Head', in_channels=4, num_classes=3, dilations=(1,), in_index=0)
    network = built('AccelEncoderDecoder', auxiliary_head=auxiliary).train()
    predict_densely(network)
    samples = [data_sample(torch.randint(0, 3, SIZE)) for _ in range(2)]
    current, previous, flow = pair()
    losses = [network.loss(stack_frames(current, other, flow), samples) for other in (previous, -previous)]
    assert losses[0]['aux.loss_ce'] == losses[1]['aux.loss_ce'] > 0
    expected = network.auxiliary_head.loss_by_feat(network.auxiliary_head(network.extract_feat(current)), samples)
    torch.testing.assert_close(losses[0]['aux.loss_ce'], expected['loss_ce'])


def test_a_head_without_one_map_of_logits_is_refused():
    point = dict(type='FCNHead', in_channels=4, channels=4, num_classes=3, num_convs=1)
    cfg = accel_cfg('AccelEncoderDecoder')
    cfg.decode_head = point
    MODELS.build(cfg)
    cfg.decode_head = dict(type='PointHead', in_channels=[4], in_index=[0], channels=4, num_classes=3)
    with pytest.raises(ConfigError, match='AccelEncoderDecoder fuses maps of logits, and PointHead learns from'):
        MODELS.build(cfg)
