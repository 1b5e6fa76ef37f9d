"""DAFormerHead against its published size and against the formula in plain PyTorch."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

CHANNELS = (64, 128, 320, 512)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def build(in_channels=CHANNELS, **options):
    return MODELS.build(dict(type='DAFormerHead', in_channels=in_channels, **options))


def features(channels, size=(12, 20)):
    torch.manual_seed(0)
    return [torch.randn(2, each, size[0] >> i, size[1] >> i) for i, each in enumerate(channels)]


def test_as_many_parameters_as_published():
    assert sum(parameter.numel() for parameter in build(num_classes=19).parameters()) == 3_712_275
    # embeddings, four branches with their norms, the last convolution, the classifier
    linear = sum(each * 256 + 256 for each in CHANNELS)
    branches = (1024 * 256 + 2 * 256) + 3 * (1024 * 9 + 2 * 1024 + 1024 * 256 + 2 * 256)
    assert linear + branches + (1024 * 256 * 9 + 2 * 256) + (256 * 19 + 19) == 3_712_275


def test_the_formula():
    head = build((3, 5), channels=4, num_classes=6, dilations=(1, 2), norm_cfg=None, dropout_ratio=0.0).double()
    maps = [each.double() for each in features((3, 5))]
    weights = dict(head.named_parameters())
    embedded = []
    for i, each in enumerate(maps):
        weight, bias = weights[f'embeddings.{i}.weight'], weights[f'embeddings.{i}.bias']
        flat = torch.einsum('nchw,dc->ndhw', each, weight) + bias[:, None, None]
        embedded.append(F.interpolate(flat, maps[0].shape[2:], mode='bilinear', align_corners=False))
    x = torch.cat(embedded, 1)
    plain = F.conv2d(x, weights['branches.0.conv.weight'], weights['branches.0.conv.bias']).relu()
    depth, point = 'branches.1.depthwise_conv.conv.', 'branches.1.pointwise_conv.conv.'
    wide = F.conv2d(x, weights[f'{depth}weight'], weights[f'{depth}bias'], padding=2, dilation=2, groups=8).relu()
    wide = F.conv2d(wide, weights[f'{point}weight'], weights[f'{point}bias']).relu()
    last = 'bottleneck.conv.'
    y = F.conv2d(torch.cat((plain, wide), 1), weights[f'{last}weight'], weights[f'{last}bias'], padding=1).relu()
    expected = F.conv2d(y, weights['conv_seg.weight'], weights['conv_seg.bias'])
    torch.testing.assert_close(head(maps), expected)


def test_some_feature_maps_of_a_backbone():
    head = build((5, 7), channels=4, num_classes=3, in_index=[1, 2])
    assert head(features((3, 5, 7))).shape == (2, 3, 6, 10)
