"""Batches of one image and heads that pool it to one pixel are refused before training."""

import pytest
import torch
from helpers import state_of, tiny_segmentor_cfg
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.statistics import check_batch_of_one

POOLED = dict(type='PSPHead', in_channels=4, channels=4, num_classes=3, pool_scales=(1, 2), in_index=0)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def network(norm=None, **head):
    config = tiny_segmentor_cfg()
    if head:
        config.decode_head = dict(head, norm_cfg=norm)
    return MODELS.build(config)


def test_pooling_to_one_pixel_behind_batch_norm_is_refused():
    with pytest.raises(ConfigError, match=r'train_dataloader\.batch_size: the segmentor pools an image to one pixel'):
        check_batch_of_one(network(dict(type='BN'), **POOLED))


@pytest.mark.parametrize('norm', [None, dict(type='GN', num_groups=2)])
def test_pooling_without_batch_norm_is_not(norm):
    check_batch_of_one(network(norm, **POOLED))


def test_a_network_whose_small_features_are_one_pixel_is_not_refused():
    """A stride of 64 and more leaves one pixel of the small image, and several of those that are trained on."""
    strided = network()
    strided.backbone.conv = torch.nn.Conv2d(3, 4, 3, stride=128, padding=1)
    check_batch_of_one(strided)


def test_it_leaves_no_trace():
    checked = network(dict(type='GN', num_groups=2), **POOLED).eval()
    checked.backbone.norm.train()
    before, draws = state_of(checked), torch.get_rng_state()
    check_batch_of_one(checked)
    assert torch.equal(torch.get_rng_state(), draws)
    assert all(torch.equal(value, before[name]) for name, value in checked.state_dict().items())
    assert not checked.training
    assert checked.backbone.norm.training
    assert all(parameter.grad is None for parameter in checked.parameters())


def test_what_fails_for_another_reason_is_left_to_training(monkeypatch):
    failing = network()
    monkeypatch.setattr(failing, 'forward', lambda *_, **__: 1 / 0)
    check_batch_of_one(failing)
