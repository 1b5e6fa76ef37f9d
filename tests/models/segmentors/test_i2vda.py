"""The clip, the proxy and the variants of I2VDA."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from helpers import (
    TinyBackbone,
    assert_same_state,
    batch_of,
    data_sample,
    domain_batch,
    optimizers,
    sharpen,
    state_of,
    still_statistics,
    terms_of,
    tiny_i2vda,
    tiny_segmentor_cfg,
)
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import HOOKS, MODELS

from i2vda_mmseg.errors import ConfigError


def test_proxy_starts_as_a_copy_not_as_an_alias():
    model = tiny_i2vda()
    assert_same_state(model.proxy, state_of(model.segmentor))
    model.init_weights()
    assert_same_state(model.proxy, state_of(model.segmentor))
    storages = {value.data_ptr() for value in model.segmentor.state_dict().values()}
    assert not storages & {value.data_ptr() for value in model.proxy.state_dict().values()}


@MODELS.register_module(force=True)
class PickyBackbone(TinyBackbone):
    """Takes a tuple only, and reads weights in its constructor, as some networks do."""

    built = 0

    def __init__(self, sizes, pretrained=None, **kwargs):
        assert isinstance(sizes, tuple)
        assert pretrained is not None
        super().__init__(**kwargs)
        PickyBackbone.built += 1


def test_proxy_is_a_copy_of_the_built_network():
    """Not built a second time from its config, of which it would need every word."""
    segmentor = tiny_segmentor_cfg()
    segmentor.backbone = dict(type='PickyBackbone', sizes=(3, 4), pretrained='weights')
    built = PickyBackbone.built
    model = tiny_i2vda(segmentor=segmentor)
    assert PickyBackbone.built == built + 1
    assert_same_state(model.proxy, state_of(model.segmentor))
    assert not any(parameter.requires_grad for parameter in model.proxy.parameters())


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


def test_before_launch():
    model = sharpen(tiny_i2vda()).train()
    assert model.launched
    model.launched = False
    before = len(model.flow_estimator.calls)
    assert terms_of(model.train_step(domain_batch(), optimizers(model))).keys() == {'loss_seg', 'loss_adv', 'loss_dis'}
    assert len(model.flow_estimator.calls) - before == 1  # F_01 and F_10 in one pass; F_1t is not needed


def test_without_consistency():
    model = sharpen(tiny_i2vda(pseudo_label_head=None)).train()
    assert terms_of(model.train_step(domain_batch(), optimizers(model))).keys() == {'loss_seg', 'loss_adv', 'loss_dis'}


def test_without_augmentation():
    model = sharpen(tiny_i2vda(temporal_augmentation=None)).train()
    clip = model.target_clip(batch_of(model)['target'])
    assert torch.equal(clip.frame_t, clip.frame_0)
    assert torch.equal(model.temporal.flow_to_t(clip), clip.flow_10)


def test_composed_flow():
    model = tiny_i2vda(flow_1t='compose')
    clip = model.target_clip(batch_of(model)['target'])
    torch.testing.assert_close(model.temporal.flow_to_t(clip), 0.7 * clip.flow_10)
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
        (model.temporal.flow_to_t(clip), flow(frame_1, clip.frame_t)),
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


def test_frame_keys_on_some_samples_only():
    batch = domain_batch(keys=True)
    batch['target']['data_samples'][1] = data_sample()
    model = tiny_i2vda()
    with pytest.raises(ValueError, match='some samples of the batch carry frame_keys and some do not'):
        model.train_step(batch, optimizers(model))


@pytest.mark.parametrize('in_a_list', [False, True])
def test_weights_named_by_the_config_are_loaded_once(tmp_path, monkeypatch, in_a_list):
    """By M; M' starts as its copy."""
    segmentor = tiny_segmentor_cfg()
    weights = MODELS.build(segmentor.backbone).state_dict()
    path = str(tmp_path / 'backbone.pth')
    torch.save(weights, path)
    pretrained = dict(type='Pretrained', checkpoint=path)
    segmentor.backbone.init_cfg = [dict(type='Kaiming', layer='Conv2d'), pretrained] if in_a_list else pretrained
    loaded, load = [], CheckpointLoader.load_checkpoint

    def recorded(name, *args, **options):
        loaded.append(name)
        return load(name, *args, **options)

    monkeypatch.setattr(CheckpointLoader, 'load_checkpoint', recorded)
    model = tiny_i2vda(segmentor=segmentor)
    assert path in str(segmentor.backbone.init_cfg)  # the caller's config is left alone
    assert path in str(model.segmentor.backbone.init_cfg)
    model.init_weights()
    assert loaded == [path]
    for network in (model.segmentor, model.proxy):
        for name in ('conv.weight', 'conv.bias'):
            assert torch.equal(network.backbone.state_dict()[name], weights[name])
    assert_same_state(model.proxy, state_of(model.segmentor))


def test_a_run_without_a_hook_that_renews_the_proxy_is_refused():
    steps = optimizers(model := tiny_i2vda())
    with pytest.raises(ConfigError, match=r'default_hooks: I2VDA .*ProxyCopyHook.*ProxyEMAHook'):
        steps.initialize_count_status(model, 0, 10)  # as the Runner does after its hooks' before_run
    without_consistency = tiny_i2vda(pseudo_label_head=None)
    optimizers(without_consistency).initialize_count_status(without_consistency, 0, 10)


@pytest.mark.parametrize('hook', ['ProxyCopyHook', 'ProxyEMAHook'])
def test_a_run_with_one_is_not(hook):
    model = tiny_i2vda()
    HOOKS.build(dict(type=hook)).before_run(SimpleNamespace(model=model))
    assert model.renewed_by == hook
    optimizers(model).initialize_count_status(model, 0, 10)


def test_what_does_not_learn_stays_in_eval_mode():
    model = tiny_i2vda()
    for mode in (True, False):
        model.train(mode)
        assert all(module.training == mode for module in (*model.segmentor.modules(), *model.discriminator.modules()))
        assert not any(module.training for module in (*model.proxy.modules(), *model.flow_estimator.modules()))
