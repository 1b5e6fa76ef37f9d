"""Keys of checkpoints: without a flow estimator, without wrappers, from a method or from a plain segmentor."""

from copy import deepcopy
from urllib.error import URLError

import pytest
import torch
from helpers import (
    assert_same_state,
    sharpen,
    state_of,
    tiny_i2vda,
    tiny_method,
    tiny_multi_level_method,
    tiny_segmentor_cfg,
)
from mmengine.config import Config
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.models.segmentors.network import advice_on_downloads

METHODS = ['SourceOnly', 'AdaptSegNet', 'I2VDA']
CHILDREN = {
    'SourceOnly': {'segmentor'},
    'AdaptSegNet': {'segmentor', 'discriminator'},
    'I2VDA': {'segmentor', 'discriminator', 'proxy'},
}


def other_weights(model):
    """Give every parameter and buffer another value."""
    with torch.no_grad():
        for value in (*model.parameters(), *model.buffers()):
            if value.is_floating_point():
                value.add_(torch.rand_like(value))
    return model


@pytest.mark.parametrize('method', METHODS)
def test_keys(method):
    state = tiny_method(method).state_dict()
    assert {key.partition('.')[0] for key in state} == CHILDREN[method]
    plain = set(MODELS.build(tiny_segmentor_cfg()).state_dict())
    for child in CHILDREN[method] - {'discriminator'}:
        assert {key.removeprefix(f'{child}.') for key in state if key.startswith(f'{child}.')} == plain


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('loader', ['torch', 'mmengine'])
def test_strict_round_trip(method, loader):
    model, other = other_weights(tiny_method(method)), tiny_method(method)
    state = model.state_dict()
    if loader == 'torch':
        assert str(other.load_state_dict(state, strict=True)) == '<All keys matched successfully>'
    else:
        load_state_dict(other, state, strict=True)
    for child in CHILDREN[method]:
        assert_same_state(getattr(other, child), state_of(getattr(model, child)))


def test_the_flow_estimator_is_neither_stored_nor_loaded():
    model, other = tiny_i2vda(), tiny_i2vda(flow_estimator=dict(type='TinyFlow', gain=5.0))
    assert 'temporal.flow_estimator.gain' in dict(model.named_parameters())
    assert not [key for key in model.state_dict() if 'flow_estimator' in key]
    other.load_state_dict(model.state_dict(), strict=True)
    assert other.flow_estimator.gain.item() == 5.0


def test_missing_keys_are_still_missed():
    state = tiny_i2vda().state_dict()
    del state['discriminator.convs.0.bias']
    with pytest.raises(RuntimeError, match=r'Missing key.*discriminator\.convs\.0\.bias'):
        tiny_i2vda().load_state_dict(state, strict=True)
    with pytest.raises(RuntimeError, match='unexpected key'):
        load_state_dict(tiny_i2vda(), tiny_i2vda().state_dict() | {'teacher.weight': torch.zeros(1)}, strict=True)


@pytest.mark.parametrize('loader', ['torch', 'mmengine'])
def test_from_a_plain_segmentor(loader):
    plain = other_weights(MODELS.build(tiny_segmentor_cfg()))
    model = tiny_i2vda()
    state = plain.state_dict()
    keys = list(state)
    discriminator = state_of(model.discriminator)
    if loader == 'torch':
        model.load_state_dict(state, strict=False)
    else:
        load_state_dict(model, state)
    assert_same_state(model.segmentor, state_of(plain))
    assert_same_state(model.proxy, state_of(plain))
    assert_same_state(model.discriminator, discriminator)
    assert list(state) == keys  # the caller's dict is left alone


def test_from_source_only():
    source_only, model = other_weights(tiny_method('SourceOnly')), sharpen(tiny_i2vda())
    load_state_dict(model, source_only.state_dict())
    assert_same_state(model.segmentor, state_of(source_only.segmentor))
    assert_same_state(model.proxy, state_of(source_only.segmentor))
    storages = {value.data_ptr() for value in model.segmentor.state_dict().values()}
    assert not storages & {value.data_ptr() for value in model.proxy.state_dict().values()}


def test_a_stored_proxy_is_kept():
    """M' is not derivable from M between copies: a checkpoint that holds it must not be overwritten by M."""
    model = other_weights(tiny_i2vda())
    other = tiny_i2vda()
    load_state_dict(other, model.state_dict())
    assert not torch.equal(other.proxy.backbone.conv.weight, other.segmentor.backbone.conv.weight)
    assert_same_state(other.proxy, state_of(model.proxy))


def test_to_source_only_for_testing():
    model, other = other_weights(tiny_i2vda()), tiny_method('SourceOnly')
    load_state_dict(other, model.state_dict())
    assert_same_state(other.segmentor, state_of(model.segmentor))


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('loader', ['torch', 'mmengine'])
def test_other_number_of_classes(method, loader):
    load = (lambda m, s: m.load_state_dict(s, strict=False)) if loader == 'torch' else load_state_dict
    message = r'segmentor\.decode_head\.convs\.0\.weight is \(5, 4, 3, 3\) in the file and \(3, 4, 3, 3\)'
    with pytest.raises(ValueError, match=message):
        load(tiny_method(method), tiny_method(method, num_classes=5).state_dict())
    with pytest.raises(ValueError, match=message):
        load(tiny_method(method), MODELS.build(tiny_segmentor_cfg(5)).state_dict())


@pytest.mark.parametrize('loader', ['torch', 'mmengine'])
def test_foreign_checkpoint(loader):
    load = (lambda m, s: m.load_state_dict(s, strict=False)) if loader == 'torch' else load_state_dict
    for state in ({'conv1.weight': torch.zeros(64, 3, 7, 7), 'fc.bias': torch.zeros(9)}, {}):
        with pytest.raises(ValueError, match=r"lacks 10 of the 10 .*'segmentor\.backbone\.conv\.weight'"):
            load(tiny_i2vda(), state)


@pytest.mark.parametrize('method', METHODS)
def test_wrapped_children(method):
    """A wrapper around each trained network changes neither the keys nor their order, nor what is loaded."""
    model, other = other_weights(tiny_method(method)), tiny_method(method)
    expected = model.state_dict()
    wrapped = deepcopy(model)
    for network in (wrapped, other):
        for child in CHILDREN[method] - {'proxy'}:
            setattr(network, child, nn.DataParallel(getattr(network, child)))
    state = wrapped.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[key], value) for key, value in expected.items())
    assert not any('module' in key for key in state._metadata)
    load_state_dict(other, expected, strict=True)
    assert all(torch.equal(value, expected[key]) for key, value in other.state_dict().items())
    tiny_method(method).load_state_dict(state, strict=True)


def test_wrapped_children_start_from_a_plain_segmentor():
    plain, model = other_weights(MODELS.build(tiny_segmentor_cfg())), tiny_i2vda()
    model.segmentor = nn.DataParallel(model.segmentor)
    load_state_dict(model, plain.state_dict())
    assert_same_state(model.segmentor.module, state_of(plain))
    assert_same_state(model.proxy, state_of(plain))


def test_initial_weights_of_wrapped_children():
    model = tiny_i2vda()
    model.segmentor = nn.DataParallel(model.segmentor)
    with torch.no_grad():
        model.proxy.backbone.conv.weight.zero_()
    model.init_weights()
    assert_same_state(model.proxy, state_of(model.segmentor.module))


def test_inside_another_module():
    """With a prefix, as in a module that holds the model."""
    model, other = other_weights(tiny_i2vda()), tiny_i2vda()
    state = nn.ModuleDict(dict(method=model)).state_dict()
    assert set(state) == {f'method.{key}' for key in model.state_dict()}
    nn.ModuleDict(dict(method=other)).load_state_dict(state, strict=False)
    assert_same_state(other.proxy, state_of(model.proxy))


@pytest.mark.parametrize('error', [URLError('no route'), ConnectionError('refused'), TimeoutError('slow')])
@pytest.mark.parametrize(('keys', 'advice'), [
    ({}, ('backbone.init_cfg.checkpoint=FILE', 'backbone.init_cfg=None')),
    ({'pretrained': 'a.pth'}, ('pretrained=FILE', 'pretrained=None')),
    ({'backbone.pretrained': 'a.pth'}, ('backbone.pretrained=FILE', 'backbone.pretrained=None')),
    ({'backbone.pretrained': True}, ('backbone.checkpoint_path=FILE', 'backbone.pretrained=False')),
])  # fmt: skip
def test_download_that_fails_says_what_to_do(error, keys, advice):
    config = Config(dict(segmentor=tiny_segmentor_cfg()))
    config.merge_from_dict({f'segmentor.{key}': value for key, value in keys.items()})
    with pytest.raises(RuntimeError) as caught, advice_on_downloads(config.segmentor):
        raise error
    assert all(f'model.segmentor.{option}' in str(caught.value) for option in advice)


def test_weights_are_looked_for_when_a_network_is_built_and_initialised(monkeypatch):
    def download(*_):
        raise URLError('no route')

    model = tiny_method('SourceOnly')
    model.segmentor.init_weights = download
    with pytest.raises(RuntimeError, match='could not be downloaded'):
        model.init_weights()
    monkeypatch.setattr(MODELS.get('TinyBackbone'), '__init__', download)
    with pytest.raises(RuntimeError, match='could not be downloaded'):
        tiny_method('SourceOnly')


@pytest.mark.parametrize('wrapped', [False, True])
def test_two_heads_start_from_a_checkpoint_of_one(wrapped, capsys, monkeypatch):
    told = []
    monkeypatch.setattr('i2vda_mmseg.models.segmentors.checkpoint.print_log', lambda text, **_: told.append(text))
    single, double = tiny_method('AdaptSegNet'), tiny_multi_level_method('AdvEnt')
    head = state_of(double.segmentor.auxiliary_head)
    state = {key: value for key, value in single.state_dict().items() if key.startswith('segmentor.')}
    network = double.segmentor
    if wrapped:
        double.segmentor = nn.DataParallel(network)
    load_state_dict(double, state, strict=False)
    assert told == ['not in the checkpoint, starts afresh: discriminator, segmentor.auxiliary_head']
    assert 'missing keys' not in ''.join(capsys.readouterr())
    double.segmentor = network
    assert_same_state(double.segmentor.backbone, state_of(single.segmentor.backbone))
    assert_same_state(double.segmentor.decode_head, state_of(single.segmentor.decode_head))
    assert_same_state(double.segmentor.auxiliary_head, head)


@pytest.mark.parametrize('method', ['AdvEnt', 'I2VDA'])
def test_a_source_only_checkpoint_under_another_method_is_no_matter_of_missing_keys(method, capsys, monkeypatch):
    told = []
    monkeypatch.setattr('i2vda_mmseg.models.segmentors.checkpoint.print_log', lambda text, **_: told.append(text))
    source = other_weights(tiny_method('SourceOnly'))
    model = tiny_method(method)
    before = state_of(model.discriminator)
    load_state_dict(model, source.state_dict())
    assert told == ['not in the checkpoint, starts afresh: discriminator']
    assert 'missing keys' not in capsys.readouterr().out
    assert_same_state(model.segmentor, state_of(source.segmentor))
    assert_same_state(model.discriminator, before)


def test_the_parts_of_another_method_are_left_out(capsys):
    model = tiny_method('SourceOnly')
    load_state_dict(model, other_weights(tiny_method('I2VDA')).state_dict(), strict=True)
    assert 'unexpected' not in capsys.readouterr().out
