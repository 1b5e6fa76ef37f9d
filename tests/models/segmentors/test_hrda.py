"""HRDA's network: what it predicts of windows and boxes, what it learns, and what it refuses."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from helpers import data_sample, domain_batch, optimizers, sharpen, state_of, terms_of, tiny_hrda_cfg, tiny_method
from mmseg.registry import MODELS

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors.dense_prediction import predict_densely
from i2vda_mmseg.models.segmentors.supervision import supervised_pass
from i2vda_mmseg.ops.multi_resolution import Box, windows


def built():
    torch.manual_seed(0)
    network = MODELS.build(tiny_hrda_cfg())
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def up(x, factor):
    return F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)


def parts(network, images):
    """Context logits, attention, and the detail's logits of a box, without the network's own code for them."""
    half = F.interpolate(images, scale_factor=0.5, mode='bilinear', align_corners=False)
    features = network.backbone(half)
    return network.decode_head(features), network.attention_head(features).sigmoid()


@torch.no_grad()
def test_a_prediction_is_fused_of_the_context_and_all_windows():
    network, images = built(), torch.randn(2, 3, 32, 48)
    low, attention = parts(network, images)
    total, count = torch.zeros(2, 3, 8, 12), torch.zeros(8, 12)
    for top in (0, 8, 16):
        for left in (0, 12, 24):
            logits = network.decode_head(network.backbone(images[..., top : top + 16, left : left + 24]))
            total[..., top // 4 : top // 4 + 4, left // 4 : left // 4 + 6] += logits
            count[top // 4 : top // 4 + 4, left // 4 : left // 4 + 6] += 1
    expected = up((1 - attention) * low, 2) + up(attention, 2) * total / count
    torch.testing.assert_close(network(images, mode='tensor'), expected)
    torch.testing.assert_close(network.encode_decode(images, None), up(expected, 4))


@torch.no_grad()
def test_any_size_is_predicted_and_the_whole_of_a_small_image_is_a_detail():
    network = built()
    assert network.encode_decode(torch.randn(1, 3, 35, 50), None).shape == (1, 3, 35, 50)
    assert windows((8, 16), network.detail_size) == [Box(0, 8, 0, 16)]
    assert network(torch.randn(1, 3, 8, 16), mode='tensor').shape == (1, 3, 2, 4)


def test_boxes_are_multiples_of_a_context_cell_and_the_last_is_never_drawn():
    network = MODELS.build(tiny_hrda_cfg())
    torch.manual_seed(0)
    boxes = [network.draw_box((32, 48)) for _ in range(300)]
    assert {box.top for box in boxes} == {0, 8}
    assert {box.left for box in boxes} == {0, 8, 16}
    assert {(box.bottom - box.top, box.right - box.left) for box in boxes} == {(16, 24)}
    network.detail_size, network.output_stride = (512, 512), 4
    places = {network.draw_box((1024, 1024)).top for _ in range(3000)}
    assert places == set(range(0, 505, 8))


def test_losses_are_nine_tenths_of_the_fusion_and_one_of_the_detail():
    network = built().train()
    images, labels = torch.randn(2, 3, 32, 48), torch.randint(0, 3, (2, 32, 48))
    weights = torch.rand(2, 32, 48)
    samples = [data_sample(label) for label in labels]
    for sample, weight in zip(samples, weights):
        sample.loss_weight = deepcopy(sample.gt_sem_seg)
        sample.loss_weight.data = weight[None]
    network.decode_head.loss_decode.avg_non_ignore = False
    predict_densely(network)
    other = deepcopy(network)

    torch.manual_seed(5)
    box = other.draw_box((32, 48))
    torch.manual_seed(5)
    found = supervised_pass(network, network, images, samples, 'loss_seg')

    low, attention = parts(other, images)
    detail = other.decode_head(other.backbone(box.cut(images)))
    mask, canvas = torch.zeros_like(attention), torch.zeros(2, 3, 8, 12)
    mask[..., box.top // 8 : box.bottom // 8, box.left // 8 : box.right // 8] = 1
    canvas[..., box.top // 4 : box.bottom // 4, box.left // 4 : box.right // 4] = detail
    fusion = up((1 - attention * mask) * low, 2) + up(attention * mask, 2) * canvas
    fused_losses = F.cross_entropy(up(fusion, 4), labels, reduction='none') * weights
    detail_losses = F.cross_entropy(up(detail, 4), box.cut(labels), reduction='none') * box.cut(weights)
    expected = 0.9 * fused_losses.mean() + 0.1 * detail_losses.mean()
    torch.testing.assert_close(found.losses['loss_seg'], expected)
    torch.testing.assert_close(found.coarse()['main'], fusion)


@pytest.mark.parametrize('method', ['HRDA', 'MIC', 'AdaptSegNet'])
def test_methods_train_it(method):
    options = {} if method == 'AdaptSegNet' else dict(thing_classes=[0, 1], min_share=0.3)
    model = sharpen(tiny_method(method, segmentor=tiny_hrda_cfg(), **options)).train()
    before = state_of(model.segmentor)
    logged = model.train_step(domain_batch(source_size=(32, 48)), optimizers(model))
    assert all(value.isfinite() for value in logged.values())
    assert ('loss_fd' in terms_of(logged)) == (method != 'AdaptSegNet')
    still = [n for n, p in model.segmentor.named_parameters() if torch.equal(p, before[n])]
    assert [name for name in still if name != 'attention_head.embeddings.0.bias'] == []  # a batch norm follows


@pytest.mark.parametrize(
    ('overrides', 'said'),
    [
        (dict(detail_size=(20, 24)), r'detail_size: \(20, 24\) must be multiples of 8'),
        (dict(auxiliary_head=dict(type='FCNHead')), 'auxiliary_head: HRDAEncoderDecoder takes none'),
    ],
)
def test_what_cannot_be(overrides, said):
    cfg = tiny_hrda_cfg()
    cfg.update(overrides)
    with pytest.raises(ConfigError, match=said):
        MODELS.build(cfg)


def test_a_wrong_stride_and_another_network_are_refused():
    cfg = tiny_hrda_cfg(output_stride=8)
    cfg.detail_size = (16, 32)
    network = MODELS.build(cfg)
    with pytest.raises(ConfigError, match='output_stride: 8, but the head gives'):
        network(torch.randn(1, 3, 32, 48), mode='tensor')
    with pytest.raises(ConfigError, match="needs a 'HRDAEncoderDecoder'"):
        tiny_method('HRDA')
    with pytest.raises(ConfigError, match=r'images .* learns from: \(30, 48\) must be multiples of 8'):
        MODELS.build(tiny_hrda_cfg()).draw_box((30, 48))
