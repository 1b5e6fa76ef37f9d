import pytest
import torch
from helpers import data_sample, sharpen, still_statistics
from two_frame import tiny_tps

from i2vda_mmseg.models.segmentors.frame_fusion import stack_frames
from i2vda_mmseg.ops import resize_flow, upsample, warp


@pytest.fixture
def network():
    torch.manual_seed(0)
    return still_statistics(sharpen(tiny_tps())).segmentor


@pytest.fixture
def parts():
    generator = torch.Generator().manual_seed(1)
    frames = torch.randn(2, 2, 3, 16, 24, generator=generator)
    return frames[:, 1], frames[:, 0], 6 * torch.randn(2, 2, 16, 24, generator=generator)


def test_a_fresh_network_is_the_single_frame_network(network, parts):
    fused, single = network(stack_frames(*parts))[:2], network(parts[0])
    assert [tuple(logits.shape) for logits in fused] == [(2, 3, 4, 6)] * 2
    for logits, expected in zip(fused, single):
        assert torch.equal(logits, expected)
        assert logits.std() > 0.01


def test_fusion_is_a_product_with_both_frames_logits(network, parts):
    current, previous, flow = parts
    torch.nn.init.normal_(network.sf_layer.weight)
    weight = network.sf_layer.weight[..., 0, 0]
    for logits, before, fused in zip(network(current), network(previous), network(stack_frames(*parts))):
        moved = warp(before, resize_flow(flow, (4, 6)))
        expected = torch.einsum('kc,nchw->nkhw', weight, torch.cat((logits, moved), dim=1))
        torch.testing.assert_close(fused, expected)


def test_the_previous_frame_passes_without_gradient(network, parts):
    torch.nn.init.normal_(network.sf_layer.weight)
    images = stack_frames(*parts).requires_grad_()
    sum(logits.square().sum() for logits in network(images)[:2]).backward()
    assert images.grad[:, :3].abs().sum() > 0
    assert not images.grad[:, 3:6].any()
    assert network.sf_layer.weight.grad[:, 3:].abs().sum() > 0


def test_a_single_frame_gives_every_parameter_a_gradient_and_the_fusion_none_to_speak_of(network, parts):
    sum(logits.square().sum() for logits in network(parts[0])).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
    assert not network.sf_layer.weight.grad.any()


def test_predicts_with_the_fused_main_head_at_the_size_of_the_label(network, parts):
    torch.nn.init.normal_(network.sf_layer.weight)
    images = stack_frames(*parts)
    samples = [data_sample(img_shape=(16, 24), ori_shape=(32, 60)) for _ in range(2)]
    predictions = network(images, samples, mode='predict')
    expected = upsample(upsample(network(images)[0], (16, 24)), (32, 60))
    for prediction, logits in zip(predictions, expected):
        torch.testing.assert_close(prediction.seg_logits.data, logits)
        assert torch.equal(prediction.pred_sem_seg.data[0], prediction.seg_logits.data.argmax(dim=0))


def test_slides_over_two_frames(network, parts):
    """Windows of the stacked input are windows of both frames and of the flow, which is relative."""
    network.test_cfg.update(mode='slide', crop_size=(16, 12), stride=(16, 12))
    torch.nn.init.normal_(network.sf_layer.weight)
    images = stack_frames(*parts)
    (prediction,) = network(images[:1], [data_sample(img_shape=(16, 24), ori_shape=(16, 24))], mode='predict')
    halves = [upsample(network(half)[0], (16, 12)) for half in images[:1].split(12, dim=3)]
    torch.testing.assert_close(prediction.seg_logits.data, torch.cat(halves, dim=3)[0])
