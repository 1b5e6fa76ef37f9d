import pytest
import torch
from helpers import (
    assert_same_state,
    domain_batch,
    optimizers,
    state_of,
    tiny_method,
    tiny_segmentor_cfg,
)
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from networks import fcn, head
from networks import network as network_cfg
from torch import nn
from torch.utils.checkpoint import checkpoint

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.statistics import evaluating, frozen_statistics


def network(momentum=0.1):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=momentum), nn.Conv2d(4, 2, 1))


def test_statistics_stay_but_the_batch_normalises():
    net, x = network().train(), torch.randn(2, 3, 6, 9)
    expected = net(x)
    state = state_of(net)
    with frozen_statistics(net):
        out = net(x)
        assert net[1].training
    assert torch.equal(out, expected)
    assert torch.equal(net[1].running_mean, state['1.running_mean'])
    assert torch.equal(net[1].running_var, state['1.running_var'])


@pytest.mark.parametrize('momentum', [0.1, None])
def test_a_frozen_pass_leaves_no_trace(momentum):
    """With momentum None the running statistics are the mean over all passes: a frozen one must not be counted."""
    net, other = network(momentum), network(momentum)
    other.load_state_dict(net.state_dict())
    x, y = torch.randn(2, 3, 6, 9), 3 + torch.randn(2, 3, 6, 9)
    with frozen_statistics(net):
        net(x)
    net(y)
    other(y)
    torch.testing.assert_close(net[1].running_mean, other[1].running_mean)
    torch.testing.assert_close(net[1].running_var, other[1].running_var)


def test_disabled_does_nothing():
    net, other, x = network(), network(), torch.randn(2, 3, 6, 9)
    other.load_state_dict(net.state_dict())
    with frozen_statistics(net, enabled=False):
        net(x)
    other(x)
    assert_same_state(net, state_of(other))


@pytest.mark.parametrize('momentum', [0.3, None])
def test_restored_also_after_an_exception(momentum):
    net = network(momentum)
    with pytest.raises(RuntimeError, match='broken'), frozen_statistics(net):
        raise RuntimeError('broken')
    assert net[1].momentum == momentum


def test_evaluating_gives_each_part_its_mode_back_whatever_happens():
    parts = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3).eval(), nn.Dropout()))
    modes = [module.training for module in parts.modules()]

    def fail():
        with evaluating(parts):
            assert not any(module.training for module in parts.modules())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [module.training for module in parts.modules()] == modes
    assert len(set(modes)) == 2


def checkpointed(model, way):
    """Let a part with batch norm repeat its forward pass in the backward pass."""
    if way == 'reentrant':
        forward = model.segmentor.backbone.layer1.forward
        model.segmentor.backbone.layer1.forward = lambda x: checkpoint(forward, x, use_reentrant=True)
    elif way == 'not reentrant':
        forward = model.segmentor.backbone.layer1.forward
        model.segmentor.backbone.layer1.forward = lambda x: checkpoint(forward, x, use_reentrant=False)
    elif way == 'activation_checkpointing':
        turn_on_activation_checkpointing(model, 'segmentor.backbone.layer1')
    return model


def resnet_cfg(with_cp=False):
    backbone = dict(type='DeepLabResNet', depth=18, base_channels=4, with_cp=with_cp)
    config = tiny_segmentor_cfg() | dict(backbone=backbone)
    config.decode_head.update(in_channels=32)
    return config


@pytest.mark.parametrize('statistics', ['shared', 'target'])
@pytest.mark.parametrize('way', ['with_cp', 'reentrant', 'not reentrant', 'activation_checkpointing'])
@pytest.mark.parametrize(('method', 'passes'), [('AdaptSegNet', 2), ('I2VDA', 3)])
def test_checkpointing_moves_the_statistics_once_a_pass(method, passes, way, statistics):
    trained = []
    for used in (way, None):
        torch.manual_seed(0)
        config = resnet_cfg(with_cp=used == 'with_cp')
        model = checkpointed(tiny_method(method, segmentor=config, batch_statistics=statistics), used).train()
        steps = optimizers(model)
        for seed in range(2):
            model.train_step(domain_batch(seed), steps)
        trained.append(state_of(model))
    found, expected = trained
    norm = 'segmentor.backbone.layer1.0.bn1.num_batches_tracked'
    assert found[norm] == 2 * (passes if statistics == 'shared' else passes - 1)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=lambda m, n=name: f'{n}: {m}')


BACKBONES = dict(
    blocks=dict(type='DeepLabResNet', depth=18, base_channels=4),
    bottlenecks=dict(type='DeepLabResNet', depth=50, base_channels=2),
    transformer=dict(
        type='MiT', embed_dims=4, num_heads=[1, 1, 2, 2], num_layers=[1] * 4, sr_ratios=[2, 2, 1, 1], drop_path_rate=0.3
    ),
)
WIDTHS = dict(blocks=32, bottlenecks=64, transformer=8)


def forwards_of_first_block(model, calls):
    backbone = model.segmentor.backbone
    block = backbone.layer1[0] if hasattr(backbone, 'layer1') else backbone.layers[0][1][0]
    part = block.conv1 if hasattr(block, 'conv1') else block.attn
    part.register_forward_pre_hook(lambda *_: calls.append(torch.is_grad_enabled()))


@pytest.mark.parametrize('statistics', ['shared', 'target'])
@pytest.mark.parametrize('name', BACKBONES)
@pytest.mark.parametrize('method', ['AdaptSegNet', 'I2VDA', 'DACS'])
def test_with_cp_changes_neither_losses_nor_gradients_nor_statistics(method, name, statistics):
    trained, calls = [], ([], [])
    for with_cp in (False, True):
        torch.manual_seed(0)
        config = tiny_segmentor_cfg()
        config.backbone = BACKBONES[name] | dict(with_cp=with_cp)
        config.decode_head = fcn(in_channels=WIDTHS[name], in_index=3)  # with a batch norm
        model = tiny_method(method, segmentor=config, batch_statistics=statistics).train()
        forwards_of_first_block(model, calls[with_cp])
        steps, seen = optimizers(model), []
        for seed in range(2):
            batch = domain_batch(seed, source_size=(32, 48))  # that of the target, as DACS asks
            logged = model.train_step(batch, steps)
            seen.append(({key: float(value) for key, value in logged.items()}, state_of(model)))
        trained.append(seen)
    assert len(calls[1]) - len(calls[0]) == sum(calls[0]) > 0  # each pass that learns was repeated
    for (losses, state), (expected_losses, expected) in zip(*trained):
        assert losses == pytest.approx(expected_losses, rel=1e-5)
        for key, value in expected.items():  # after a step of plain SGD: as far apart as the gradients
            torch.testing.assert_close(state[key], value, msg=lambda m, key=key: f'{key}: {m}')


@pytest.mark.parametrize('method', ['SourceOnly', 'AdaptSegNet'])
def test_one_image_pooled_to_one_pixel_ends_with_advice(method):
    pooling = head('PSPHead', norm_cfg=dict(type='BN'), pool_scales=(1, 2))
    model = tiny_method(method, segmentor=network_cfg(pooling)).train()
    with pytest.raises(ConfigError, match=r'train_dataloader.batch_size: .*batch_size to 2.*norm_cfg'):
        model.train_step(domain_batch(size=1), optimizers(model))
    assert model.train_step(domain_batch(size=2), optimizers(model))['loss_seg'].isfinite()
