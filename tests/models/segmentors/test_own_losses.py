"""What a segmentor learns and predicts inside a method, against stock mmseg on the same batch."""

from copy import deepcopy

import pytest
import torch
from helpers import (
    batch_of,
    domain_batch,
    optimizers,
    sharpen,
    state_of,
    terms_of,
    tiny_method,
    tiny_multi_level_method,
    tiny_segmentor_cfg,
)
from mmseg.registry import MODELS
from networks import auxiliary, fcn, head, network, networks, with_edges, with_some_ignored

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors.reading import encode_decode
from i2vda_mmseg.models.segmentors.supervision import labelled_samples, summed

SIZES = dict(source_size=(64, 96), target_size=(64, 128))


def stock(model):
    """The segmentor of a method as stock mmseg builds it, with its weights."""
    plain = MODELS.build(deepcopy(model.config))
    plain.load_state_dict(model.segmentor.state_dict())
    return plain.train()


def built(config, method='SourceOnly', **options):
    torch.manual_seed(0)
    model = tiny_method(method, segmentor=deepcopy(config), **options)
    with torch.no_grad():
        for name, parameter in model.segmentor.named_parameters():
            if 'seg' in name or 'decode_head.convs' in name:
                parameter.mul_(20)  # logits that differ from each other
            if name.endswith('gamma.scale'):
                parameter.fill_(1)  # DANet's attention, which starts at 0
    model.config = config
    return model.train()


def source_of(model):
    source = batch_of(model, **SIZES)['source']
    with_edges(source['data_samples'])
    return source


def gradients(module):
    return {name: parameter.grad for name, parameter in module.named_parameters()}


def assert_learns_as_stock(model):
    plain, source = stock(model), source_of(model)
    torch.manual_seed(1)
    terms = plain.loss(source['inputs'], deepcopy(source['data_samples']))
    losses, _ = summed(terms, 'loss_seg')
    sum(losses.values()).backward()
    torch.manual_seed(1)
    learnt = model.supervised_source(source)
    model.weighted_sum(learnt.losses).backward()
    assert {key for key in terms if 'loss' in key} <= learnt.details.keys() <= terms.keys()
    for name, value in losses.items():
        torch.testing.assert_close(learnt.losses[name], value, rtol=1e-6, atol=1e-6)
    found = gradients(model.segmentor)
    for name, value in gradients(plain).items():
        assert (found[name] is None) == (value is None), name
        if value is not None:
            torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-6)
    for name, value in plain.named_buffers():
        torch.testing.assert_close(dict(model.segmentor.named_buffers())[name], value)


@pytest.mark.parametrize('name', networks())
def test_losses_gradients_and_statistics_are_those_of_stock_mmseg(name):
    assert_learns_as_stock(built(networks()[name]))


CLASS_WEIGHTS = dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0, 5.0])
OHEM = dict(type='OHEMPixelSampler', thresh=0.7, min_kept=50)
SETTINGS = {
    'class weights': dict(loss_decode=CLASS_WEIGHTS),
    'weight 100': dict(loss_decode=dict(type='CrossEntropyLoss', loss_weight=100.0)),
    'Tversky': dict(loss_decode=dict(type='TverskyLoss')),
    'Dice': dict(loss_decode=dict(type='DiceLoss')),
    'Lovasz': dict(loss_decode=dict(type='LovaszLoss', per_image=True)),
    'CE and Dice': dict(loss_decode=[dict(type='CrossEntropyLoss'), dict(type='DiceLoss', loss_weight=3.0)]),
    'OHEM': dict(sampler=OHEM),
    'another ignored label': dict(ignore_index=1, loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
}


@pytest.mark.parametrize('setting', SETTINGS)
@pytest.mark.parametrize('kind', ['FCNHead', 'DLV2Head'])
def test_settings_of_the_head_act(setting, kind):
    def own_loss(**options):
        decode_head = fcn(dropout_ratio=0, **options) if kind == 'FCNHead' else head('DLV2Head', **options)
        model = built(network(decode_head))
        batch = domain_batch(**SIZES)
        source = with_some_ignored(model.data_preprocessor(batch, training=True)['source'])
        found = model.supervised_source(source).losses['loss_seg']
        for sample in source['data_samples']:  # stock mmseg stumbles over 255 where a head ignores another label
            labels = sample.gt_sem_seg.data
            labels[labels == 255] = model.segmentor.decode_head.ignore_index
        expected, _ = summed(stock(model).loss(source['inputs'], source['data_samples']), 'loss_seg')
        torch.testing.assert_close(found, expected['loss_seg'], rtol=1e-6, atol=1e-6)
        return found.item()

    assert own_loss(**SETTINGS[setting]) != own_loss()


@pytest.mark.parametrize('name', networks())
def test_predictions_of_the_pass_are_those_of_stock_mmseg(name):
    """With the batch statistics that learning used: those of training mode, where the network predicts in it."""
    model = built(networks()[name])
    for module in model.segmentor.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    source = source_of(model)
    coarse = model.supervised_source(source).coarse()['main']
    plain = stock(model).eval()
    with torch.no_grad():
        expected = plain.encode_decode(source['inputs'], [dict(img_shape=source['inputs'].shape[-2:])] * 2)
    expected = expected.log() if name == 'queries' else expected
    torch.testing.assert_close(model.upsampled(coarse, source['inputs']), expected, rtol=1e-5, atol=1e-5)
    target = model.logits(source['inputs'])
    torch.testing.assert_close(target, expected, rtol=1e-5, atol=1e-5)
    assert target.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(model.eval().logits(source['inputs']), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('name', networks())
@pytest.mark.parametrize('method', ['AdaptSegNet', 'I2VDA', 'FDA'])
def test_every_parameter_learns_in_every_method(method, name):
    model = built(networks()[name], method)
    batch = domain_batch(pseudo=method == 'FDA', **SIZES)
    for domain in ('source', 'target'):
        if 'gt_sem_seg' in batch[domain]['data_samples'][0]:
            with_edges(batch[domain]['data_samples'])
    before = state_of(model.segmentor)
    logged = model.train_step(batch, optimizers(model, lr=0.5))
    assert all(value.isfinite() for value in logged.values())
    moved = {key for key, value in model.segmentor.named_parameters() if not torch.equal(value, before[key])}
    weights = {key for key, value in model.segmentor.named_parameters() if value.ndim > 1}
    assert weights <= moved


def test_every_target_pass_reaches_every_parameter():
    """DDP waits for a gradient of each; heads that only learn get one of zero."""
    model = built(networks()['two auxiliary heads'], 'AdaptSegNet')
    model.logits(source_of(model)['inputs']).mean().backward()
    assert not [name for name, parameter in model.segmentor.named_parameters() if parameter.grad is None]
    assert not model.segmentor.auxiliary_head[0].conv_seg.weight.grad.any()


@pytest.mark.parametrize('name', ['K-Net', 'PIDNet', 'DANet', 'EncNet', 'queries', 'PointRend'])
def test_so_do_those_of_heads_with_several_outputs(name):
    model = built(networks()[name])
    model.logits(source_of(model)['inputs']).mean().backward()
    assert not [key for key, parameter in model.segmentor.named_parameters() if parameter.grad is None]


def test_the_proxy_predicts_densely_by_its_own_weights():
    model = built(networks()['K-Net'], 'I2VDA')
    images = source_of(model)['inputs']
    with torch.no_grad():
        before = model.proxy(images, mode='tensor')
        for parameter in model.segmentor.parameters():
            parameter.add_(1)
        assert torch.equal(model.proxy(images, mode='tensor'), before)
        expected = encode_decode(model.proxy, images)
    torch.testing.assert_close(model.upsampled(before, images), expected)


def test_a_judged_level_beside_a_head_with_several_outputs():
    config = networks()['K-Net'] | dict(type='MultiLevelEncoderDecoder', auxiliary_head=auxiliary(dropout_ratio=0))
    member = dict(type='FCDiscriminator', in_channels=3, base_channels=2)
    model = built(config, 'AdaptSegNet', discriminator=dict(type='DiscriminatorSet', main=member, aux=member))
    logged = terms_of(model.train_step(domain_batch(**SIZES), optimizers(model)))
    assert {f'loss_{kind}{level}' for kind in ('seg', 'adv', 'dis') for level in ('', '_aux')} == logged.keys()


def test_weights_of_auxiliary_heads():
    """Their own where they only learn; ``lambda_seg_aux`` where they are judged."""
    model = built(networks()['FCN'])
    learnt = model.supervised_source(source_of(model))
    torch.testing.assert_close(model.weighted_sum(learnt.losses), sum(learnt.losses.values()))
    judged = built(networks()['FCN'] | dict(type='MultiLevelEncoderDecoder'), lambda_seg_aux=0.1)
    losses = judged.supervised_source(source_of(judged)).losses
    torch.testing.assert_close(judged.weighted_sum(losses), losses['loss_seg'] + 0.1 * losses['loss_seg_aux'])


def test_pseudo_labels_are_learnt_alike():
    model = built(networks()['two auxiliary heads'])
    source = source_of(model)
    expected = model.supervised(source['inputs'], source['data_samples'])
    learnt = model.supervised(source['inputs'], labelled_samples(source['labels']), 'loss_mix')
    assert list(learnt.losses) == ['loss_mix', 'loss_mix_aux']
    torch.testing.assert_close(learnt.losses['loss_mix'], expected.losses['loss_seg'])
    assert set(learnt.details) == {f'mix.{name}' for name in expected.details}


@pytest.mark.parametrize('build', [tiny_method, tiny_multi_level_method])
def test_logits_are_float32_at_both_sizes(build):
    model = sharpen(build('AdaptSegNet'))
    images = batch_of(model)['source']['inputs']
    with torch.autocast('cpu', dtype=torch.bfloat16):
        coarse, full = model.coarse_logits(images), model.level_logits(images)
    assert {logits.dtype for logits in (*coarse.values(), *full.values())} == {torch.float32}
    assert coarse.keys() == full.keys() == dict.fromkeys(model.levels).keys()


def test_losses_are_computed_in_float32():
    model = sharpen(tiny_method('SourceOnly'))
    source = batch_of(model)['source']
    with torch.autocast('cpu', dtype=torch.bfloat16):
        learnt = model.supervised(source['inputs'], source['data_samples'])
    assert learnt.coarse()['main'].dtype == learnt.losses['loss_seg'].dtype == torch.float32
    expected = model.loss_seg(model.upsampled(learnt.coarse()['main'], source['inputs']), source['labels'])
    assert torch.equal(learnt.losses['loss_seg'], expected)


def test_what_is_predicted_and_not_given_is_refused_when_the_model_is_built():
    with pytest.raises(ConfigError, match=r'model.segmentor.decode_head: .*HiddenHead'):
        built(network(head('HiddenHead', dropout_ratio=0)))
    one_channel = tiny_segmentor_cfg(2)
    one_channel.decode_head.update(out_channels=1, threshold=0.5)
    with pytest.raises(ConfigError, match=r'out_channels: .*2 classes.* 1'):
        tiny_method('SourceOnly', num_classes=2, segmentor=one_channel)


def test_nothing_is_left_behind_on_the_heads():
    model = built(networks()['two auxiliary heads'])
    names = {key: set(vars(module)) for key, module in model.segmentor.named_modules()}
    model.supervised_source(source_of(model))
    assert {key: set(vars(module)) for key, module in model.segmentor.named_modules()} == names
