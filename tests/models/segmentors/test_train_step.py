"""What a training step touches and what it leaves alone."""

from copy import deepcopy

import pytest
import torch
from helpers import (
    assert_same_state,
    domain_batch,
    optimizers,
    sharpen,
    state_of,
    still_statistics,
    tiny_i2vda,
    tiny_method,
)

METHODS = ['SourceOnly', 'AdaptSegNet', 'I2VDA']
ADVERSARIAL = ['AdaptSegNet', 'I2VDA']


def batch_of(model, **options):
    return model.data_preprocessor(domain_batch(**options), training=True)


@pytest.mark.parametrize('method', ADVERSARIAL)
def test_m_step_leaves_d_alone(method):
    model = sharpen(tiny_method(method)).train()
    state = state_of(model.discriminator)
    seen = {}

    def update_discriminator(predictions, optim_wrapper):
        seen.update(
            gradients=[parameter.grad for parameter in model.discriminator.parameters()],
            requires_grad={parameter.requires_grad for parameter in model.discriminator.parameters()},
            graphs={x.requires_grad for xs in predictions.values() for x in xs},
        )
        assert_same_state(model.discriminator, state)
        return torch.zeros(())

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
    model.loss_adv = broken
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


def test_proxy_starts_as_a_copy_not_as_an_alias():
    model = tiny_i2vda()
    assert_same_state(model.proxy, state_of(model.segmentor))
    model.init_weights()
    assert_same_state(model.proxy, state_of(model.segmentor))
    storages = {value.data_ptr() for value in model.segmentor.state_dict().values()}
    assert not storages & {value.data_ptr() for value in model.proxy.state_dict().values()}


def test_proxy_decides_the_pseudo_labels():
    """P_1 comes from M', not from M."""
    model = sharpen(tiny_i2vda()).train()
    clip = model.target_clip(batch_of(model)['target'])
    labels = model.pseudo_label(clip)
    with torch.no_grad():
        for conv in model.segmentor.decode_head.convs:
            conv.weight.neg_()
    assert torch.equal(model.pseudo_label(clip), labels)
    with torch.no_grad():
        for conv in model.proxy.decode_head.convs:
            conv.weight.neg_()
    assert not torch.equal(model.pseudo_label(clip), labels)


def test_without_a_single_pseudo_label():
    model = still_statistics(sharpen(tiny_i2vda(pseudo_label_head=dict(type='OcclusionAwarePseudoLabelHead', delta=0))))
    other = deepcopy(model)
    other.launched = False
    logged = model.train_step(domain_batch(), optimizers(model))
    assert logged['loss_tc'].item() == 0
    assert logged['pseudo_label_ratio'].item() == 0
    other.train_step(domain_batch(), optimizers(other))
    for name, value in state_of(model).items():  # the rest is learnt as without the term
        torch.testing.assert_close(value, state_of(other)[name])


def test_ignored_source_labels():
    model = tiny_method('SourceOnly').train()
    batch = domain_batch()
    for sample in batch['source']['data_samples']:
        sample.gt_sem_seg.data.fill_(255)
    assert model.train_step(batch, optimizers(model))['loss_seg'].item() == 0
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_before_launch():
    model = sharpen(tiny_i2vda()).train()
    assert model.launched
    model.launched = False
    before = len(model.flow_estimator.calls)
    assert model.train_step(domain_batch(), optimizers(model)).keys() == {'loss_seg', 'loss_adv', 'loss_dis'}
    assert len(model.flow_estimator.calls) - before == 1  # F_01 and F_10 in one pass; F_1t is not needed


def test_without_consistency():
    model = sharpen(tiny_i2vda(pseudo_label_head=None)).train()
    assert model.train_step(domain_batch(), optimizers(model)).keys() == {'loss_seg', 'loss_adv', 'loss_dis'}


def test_without_augmentation():
    model = sharpen(tiny_i2vda(temporal_augmentation=None)).train()
    clip = model.target_clip(batch_of(model)['target'])
    assert torch.equal(clip.frame_t, clip.frame_0)
    assert torch.equal(model.flow_to_t(clip), clip.flow_10)


def test_composed_flow():
    model = tiny_i2vda(flow_1t='compose')
    clip = model.target_clip(batch_of(model)['target'])
    torch.testing.assert_close(model.flow_to_t(clip), 0.7 * clip.flow_10)
    assert len(model.flow_estimator.calls) == 1


def test_clip_directions():
    model = tiny_i2vda()
    target = batch_of(model)['target']
    clip = model.target_clip(target)
    frame_0, frame_1 = target['frames'][:, 0], target['frames'][:, 1]
    flow = model.flow_estimator
    for ours, expected in (
        (clip.frame_0, frame_0),
        (clip.frame_1, frame_1),
        (clip.flow_01, flow(frame_0, frame_1)),
        (clip.flow_10, flow(frame_1, frame_0)),
        (model.flow_to_t(clip), flow(frame_1, clip.frame_t)),
    ):
        assert torch.equal(ours, expected)


def test_iteration_seed_decides_t():
    model = tiny_i2vda(temporal_augmentation=dict(type='TemporalAugmentation'))
    target = batch_of(model)['target']

    def frame_t(seed, noise):
        model.iteration_seed = seed
        torch.rand(noise)  # another state of the global generator, as on another rank
        return model.target_clip(target).frame_t

    first = frame_t(7, 0)
    assert torch.equal(frame_t(7, 3), first)
    assert not torch.equal(frame_t(8, 0), first)


def test_t_without_a_seed_is_drawn_anew():
    model = tiny_i2vda(temporal_augmentation=dict(type='TemporalAugmentation'))
    target = batch_of(model)['target']
    assert not torch.equal(model.target_clip(target).frame_t, model.target_clip(target).frame_t)


def test_frame_keys_reach_the_flow_estimator():
    model = tiny_i2vda()
    model.target_clip(batch_of(model, keys=True)['target'])
    there = [('0/a.png', '0/b.png'), ('1/a.png', '1/b.png')]
    assert model.flow_estimator.calls[0] == ((4, 3, 32, 48), there + [(b, a) for a, b in there])
    model.target_clip(batch_of(model)['target'])
    assert model.flow_estimator.calls[-1] == ((4, 3, 32, 48), None)


@pytest.mark.parametrize('statistics', ['shared', 'target'])
@pytest.mark.parametrize(('method', 'passes'), [('SourceOnly', ['s']), ('AdaptSegNet', ['s', '1']), ('I2VDA', 's0t')])
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
        passes = ['1'] if method == 'SourceOnly' else passes[1:]
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
        model.source_logits(batch_of(model)['source']['inputs'])
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


@pytest.mark.parametrize(('method', 'overrides', 'message'), [
    ('SourceOnly', dict(batch_statistics='source'), "'shared', 'target'.*'source'"),
    ('I2VDA', dict(flow_1t='guess'), "'estimate', 'compose'.*'guess'"),
    ('AdaptSegNet', dict(discriminator=dict(type='FCDiscriminator', in_channels=19)), 'is 19.* 3 classes'),
])  # fmt: skip
def test_errors(method, overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny_method(method, **overrides)
