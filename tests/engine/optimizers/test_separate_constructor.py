from copy import deepcopy

import pytest
import torch
from helpers import tiny_i2vda, tiny_method
from mmengine.optim import OptimWrapperDict
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

CONFIG = dict(
    segmentor=dict(
        optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}),
    ),
    discriminator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))),
)


def build(model, config=CONFIG, **kwargs):
    constructor = dict(type='SeparateOptimWrapperConstructor', optim_wrapper_cfg=deepcopy(config))
    return OPTIM_WRAPPER_CONSTRUCTORS.build(constructor | kwargs)(model)


def learning_rates(wrappers, model):
    """The optimizer and the learning rate of each parameter, by name; one entry for each time it is held."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return sorted(
        (names[id(parameter)], wrapper, group['lr'])
        for wrapper, optim_wrapper in wrappers.items()
        for group in optim_wrapper.optimizer.param_groups
        for parameter in group['params']
    )


@pytest.mark.parametrize('wrapped', [False, True])
def test_every_trained_parameter_once(wrapped):
    model = tiny_i2vda()
    if wrapped:
        model.segmentor = nn.DataParallel(model.segmentor)
        model.discriminator = nn.DataParallel(model.discriminator)
    wrappers = build(nn.DataParallel(model) if wrapped else model)
    assert isinstance(wrappers, OptimWrapperDict)
    expected = []
    for name, _ in model.named_parameters():
        network = name.split('.')[0]
        if network in CONFIG:
            rate = 1e-4 if network == 'discriminator' else 0.2 if 'decode_head' in name else 0.02
            expected.append((name, network, pytest.approx(rate)))
    assert learning_rates(wrappers, model) == sorted(expected, key=lambda entry: entry[0])
    assert isinstance(wrappers['segmentor'].optimizer, torch.optim.SGD)
    assert wrappers['discriminator'].optimizer.defaults['betas'] == (0.9, 0.99)


def test_options_of_a_wrapper():
    config = dict(segmentor=dict(optimizer=dict(type='SGD', lr=1), accumulative_counts=4, clip_grad=dict(max_norm=3)))
    wrapper = build(tiny_method('SourceOnly'), config)['segmentor']
    assert wrapper._accumulative_counts == 4
    assert wrapper.clip_grad_kwargs == dict(max_norm=3)


def test_the_config_is_left_alone():
    config = deepcopy(CONFIG)
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(type='SeparateOptimWrapperConstructor', optim_wrapper_cfg=config)
    )
    model = tiny_i2vda()
    first = learning_rates(constructor(model), model)
    assert config == CONFIG
    assert learning_rates(constructor(model), model) == first


def test_frozen_parameters_need_no_optimizer():
    model = tiny_i2vda()
    model.discriminator.requires_grad_(False)
    assert set(build(model, dict(segmentor=CONFIG['segmentor'])).keys()) == {'segmentor'}


def test_unknown_child():
    with pytest.raises(ValueError, match=r"\['generator'\], which I2VDA does not have.*'discriminator'"):
        build(tiny_i2vda(), CONFIG | dict(generator=CONFIG['discriminator']))


def test_missing_child():
    with pytest.raises(ValueError, match=r'discriminator\.convs\.0\.weight is in 0 \(and 9 others'):
        build(tiny_i2vda(), dict(segmentor=CONFIG['segmentor']))


def test_parameter_in_two_optimizers():
    model = tiny_i2vda()
    model.twin = model.segmentor.backbone
    with pytest.raises(ValueError, match=r'segmentor\.backbone\.conv\.weight is in 2 '):
        build(model, CONFIG | dict(twin=CONFIG['segmentor']))


def test_paramwise_cfg_beside_the_children():
    with pytest.raises(ValueError, match=r'put paramwise_cfg into optim_wrapper\.segmentor'):
        build(tiny_i2vda(), paramwise_cfg=dict(norm_decay_mult=0))


def test_norms_do_not_decay_by_the_type_of_the_module():
    model = tiny_i2vda()
    model.segmentor.decode_head.norm = nn.LayerNorm(3)  # under the custom key of the head, and by no telling name:
    model.segmentor.decode_head.blocks = nn.Sequential(nn.GroupNorm(1, 2), nn.InstanceNorm1d(2, affine=True))
    config = deepcopy(CONFIG)
    config['segmentor']['paramwise_cfg'].update(norm_decay_mult=0.0)
    names = {id(parameter): name for name, parameter in model.segmentor.named_parameters()}
    groups = {names[id(g['params'][0])]: g for g in build(model, config)['segmentor'].optimizer.param_groups}
    norms = {name for name in groups if 'norm' in name or 'blocks' in name}
    assert {name for name, group in groups.items() if group['weight_decay'] == 0.0} == norms
    assert len(norms) == 2 + 2 + 2 + 2
    assert all(group['lr'] == (0.2 if 'head' in name else 0.02) for name, group in groups.items())
    config['segmentor']['paramwise_cfg']['custom_keys']['decode_head'].update(decay_mult=0.5)
    groups = {names[id(g['params'][0])]: g for g in build(model, config)['segmentor'].optimizer.param_groups}
    assert groups['decode_head.norm.weight']['weight_decay'] == 2.5e-4
    assert groups['backbone.norm.weight']['weight_decay'] == 0.0
