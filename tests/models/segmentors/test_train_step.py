"""What a training step touches and what it leaves alone."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from helpers import (
    ADVERSARIAL,
    assert_same_state,
    batch_of,
    data_sample,
    domain_batch,
    optimizers,
    sharpen,
    state_of,
    tiny_i2vda,
    tiny_method,
    tiny_segmentor_cfg,
)
from mmseg.registry import MODELS

from i2vda_mmseg.errors import ConfigError

METHODS = ['SourceOnly', 'MinEnt', 'AdaptSegNet', 'AdvEnt', 'I2VDA']
SINGLE_LEVEL = ['I2VDA']


@pytest.mark.parametrize('method', ADVERSARIAL)
def test_m_step_leaves_d_alone(method):
    model = sharpen(tiny_method(method)).train()
    state = state_of(model.discriminator)
    seen = {}

    def update_discriminator(predictions, optim_wrapper):
        seen.update(
            gradients=[parameter.grad for parameter in model.discriminator.parameters()],
            requires_grad={parameter.requires_grad for parameter in model.discriminator.parameters()},
            graphs={x.requires_grad for xs in predictions.values() for levels in xs for x in levels.values()},
        )
        assert_same_state(model.discriminator, state)
        return {}

    model.update_discriminator = update_discriminator
    before = state_of(model.segmentor)
    model.train_step(domain_batch(), optimizers(model))
    assert not any(torch.equal(p, before[name]) for name, p in model.segmentor.named_parameters())
    assert set(seen['gradients']) == {None}
    assert seen['requires_grad'] == {True}
    assert seen['graphs'] == {False}


@pytest.mark.parametrize('method', ADVERSARIAL)
def test_d_step_leaves_m_alone(method):
    model = sharpen(tiny_method(method)).train()
    batch = batch_of(model)
    steps = optimizers(model)
    _, predictions = model.update_segmentor(batch, steps['segmentor'])
    model.zero_grad()
    state, state_d = state_of(model.segmentor), state_of(model.discriminator)
    model.update_discriminator(predictions, steps['discriminator'])
    assert_same_state(model.segmentor, state)
    assert {parameter.grad for parameter in model.segmentor.parameters()} == {None}
    assert not any(torch.equal(p, state_d[name]) for name, p in model.discriminator.named_parameters())


@pytest.mark.parametrize('method', ADVERSARIAL)
def test_d_is_restored_after_an_exception(method):
    model = tiny_method(method).train()
    model.discriminator.convs[2].bias.requires_grad_(False)
    flags = {name: parameter.requires_grad for name, parameter in model.discriminator.named_parameters()}

    def broken(prediction):
        assert not any(parameter.requires_grad for parameter in model.discriminator.parameters())
        raise RuntimeError('broken')

    steps = optimizers(model)
    model.losses_adv = broken
    with pytest.raises(RuntimeError, match='broken'):
        model.train_step(domain_batch(), steps)
    assert {name: parameter.requires_grad for name, parameter in model.discriminator.named_parameters()} == flags


def test_proxy_and_flow_are_never_trained():
    model = sharpen(tiny_i2vda()).train()
    state, state_flow = state_of(model.proxy), state_of(model.flow_estimator)
    steps = optimizers(model)
    for seed in range(2):
        assert 'loss_tc' in model.train_step(domain_batch(seed), steps)
    assert_same_state(model.proxy, state)
    assert_same_state(model.flow_estimator, state_flow)
    for frozen in (model.proxy, model.flow_estimator):
        assert {parameter.requires_grad for parameter in frozen.parameters()} == {False}
        assert {parameter.grad for parameter in frozen.parameters()} == {None}
    optimized = {id(p) for step in steps.values() for group in step.optimizer.param_groups for p in group['params']}
    assert not optimized & {id(p) for frozen in (model.proxy, model.flow_estimator) for p in frozen.parameters()}


def test_modes():
    model = tiny_i2vda()
    assert model.train() is model
    assert all(module.training for module in model.segmentor.modules())
    assert model.discriminator.training
    for frozen in (model.proxy, model.flow_estimator):
        assert not any(module.training for module in frozen.modules())
    model.eval()
    assert not any(module.training for module in model.modules())


def test_ignored_source_labels():
    model = tiny_method('SourceOnly').train()
    batch = domain_batch()
    for sample in batch['source']['data_samples']:
        sample.gt_sem_seg.data.fill_(255)
    assert model.train_step(batch, optimizers(model))['loss_seg'].item() == 0
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize('statistics', ['shared', 'target'])
@pytest.mark.parametrize(('method', 'passes'), [
    ('SourceOnly', 's'), ('MinEnt', 's1'), ('AdaptSegNet', 's1'), ('AdvEnt', 's1'), ('I2VDA', 's0t'),
])  # fmt: skip
def test_batch_statistics(method, passes, statistics):
    """M's running statistics are those of separate passes in the paper's order, or of the target's passes alone."""
    model = tiny_method(method, batch_statistics=statistics).train()
    batch = batch_of(model)
    normalize = model.data_preprocessor.normalize
    images = {
        's': batch['source']['inputs'],
        '0': normalize(batch['target']['frames'][:, 0]),
        '1': normalize(batch['target']['frames'][:, 1]),
    }
    if method == 'I2VDA':
        images['t'] = normalize(model.target_clip(batch['target']).frame_t)
    if statistics == 'target':
        passes = '1' if method == 'SourceOnly' else passes[1:]
    other = deepcopy(model.segmentor)
    for name in passes:
        other(images[name], mode='tensor')
    model.train_step(domain_batch(), optimizers(model))
    for name in ('running_mean', 'running_var'):
        torch.testing.assert_close(getattr(model.segmentor.backbone.norm, name), getattr(other.backbone.norm, name))


@pytest.mark.parametrize('method', METHODS)
def test_source_pass_moves_shared_statistics_only(method):
    for statistics, moves in (('shared', True), ('target', False)):
        model = tiny_method(method, batch_statistics=statistics).train()
        mean = model.segmentor.backbone.norm.running_mean.clone()
        model.supervised_source(batch_of(model)['source'])
        assert torch.equal(model.segmentor.backbone.norm.running_mean, mean) != moves


@pytest.mark.parametrize('method', METHODS)
def test_tests_one_frame_with_m_alone(method):
    model = tiny_method(method).eval()
    if method == 'I2VDA':
        model.flow_estimator.estimate = None  # must not be called
    image = torch.randint(256, (3, 32, 48), dtype=torch.uint8)
    sample = domain_batch()['source']['data_samples'][0]
    sample = sample.new(metainfo=dict(ori_shape=(32, 48), img_shape=(32, 48)))
    data = dict(inputs=[image], data_samples=[sample])
    expected = model.segmentor.predict(
        model.data_preprocessor(deepcopy(data), False)['inputs'], [deepcopy(sample)]
    )  # fmt: skip
    for step in (model.val_step, model.test_step):
        out = step(deepcopy(data))
        assert torch.equal(out[0].pred_sem_seg.data, expected[0].pred_sem_seg.data)
        assert torch.equal(out[0].seg_logits.data, expected[0].seg_logits.data)


@pytest.mark.parametrize('method', METHODS)
def test_logits_are_resized_once_or_as_stock_mmseg_does(method):
    image = torch.randint(256, (3, 32, 48), dtype=torch.uint8)
    sample = data_sample(ori_shape=(70, 100), img_shape=(32, 48))
    found = {}
    for mode in ('once', 'twice'):
        torch.manual_seed(0)
        model = sharpen(tiny_method(method, resize_logits=mode)).eval()
        (out,) = model.test_step(dict(inputs=[image], data_samples=[deepcopy(sample)]))
        found[mode] = out.seg_logits.data
    images = model.data_preprocessor.normalize(image[None].float().flip(1))
    with torch.no_grad():
        coarse = model.segmentor(images, mode='tensor')
    once = F.interpolate(coarse, (70, 100), mode='bilinear', align_corners=True)[0]
    torch.testing.assert_close(found['once'], once)
    stock = model.segmentor.predict(images, [deepcopy(sample)])[0].seg_logits.data
    assert torch.equal(found['twice'], stock)
    assert not torch.allclose(once, stock, atol=1e-3)


@pytest.mark.parametrize(('method', 'overrides', 'message'), [
    ('SourceOnly', dict(resize_logits='never'), "'once', 'twice'.*'never'"),
    ('SourceOnly', dict(batch_statistics='source'), "'shared', 'target'.*'source'"),
    ('I2VDA', dict(flow_1t='guess'), "'estimate', 'compose'.*'guess'"),
    ('AdaptSegNet', dict(discriminator=dict(type='FCDiscriminator', in_channels=19)), 'in_channels is 19.* 3 channels'),
])  # fmt: skip
def test_errors(method, overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny_method(method, **overrides)


@pytest.mark.parametrize('method', SINGLE_LEVEL)
def test_a_second_level_that_nobody_judges_is_refused(method):
    auxiliary = dict(type='DLV2Head', in_channels=4, num_classes=3, in_index=0)
    segmentor = tiny_segmentor_cfg() | dict(type='MultiLevelEncoderDecoder', auxiliary_head=auxiliary)
    with pytest.raises(ConfigError, match=f'model.segmentor.type: {method} .*EncoderDecoder'):
        tiny_method(method, segmentor=segmentor)


@pytest.mark.parametrize('heads', [None, 'list'])
def test_two_levels_need_one_auxiliary_head(heads):
    head = dict(type='DLV2Head', in_channels=4, num_classes=3, in_index=0)
    config = tiny_segmentor_cfg() | dict(type='MultiLevelEncoderDecoder', auxiliary_head=heads and [head, head])
    with pytest.raises(ValueError, match='takes exactly one'):
        MODELS.build(config)


@pytest.mark.parametrize('method', ['AdaptSegNet', 'AdvEnt'])
def test_each_level_needs_its_discriminator(method):
    member = dict(type='FCDiscriminator', in_channels=3, base_channels=2)
    with pytest.raises(ValueError, match=r"judges \['aux', 'main'\], but .* predicts \['main'\]"):
        tiny_method(method, discriminator=dict(type='DiscriminatorSet', main=member, aux=member))
    wide = dict(type='DiscriminatorSet', main=member | dict(in_channels=4))
    with pytest.raises(ValueError, match=r'discriminator\.main\.in_channels is 4, but it judges 3'):
        tiny_method(method, discriminator=wide)
    with pytest.raises(ValueError, match='a member for each level'):
        MODELS.build(dict(type='DiscriminatorSet'))
