"""The temporal part on methods that are not I2VDA: what it adds, whose labels it takes, and who cannot have it."""

from copy import deepcopy

import pytest
import torch
from equations import frames_of, pseudo_label, warped
from helpers import domain_batch, optimizers, ready, state_of, terms_of, tiny_i2vda, tiny_method, tiny_segmentor_cfg
from torch import nn
from two_frame import tiny_tps

from i2vda_mmseg.errors import ConfigError

TEMPORAL = dict(
    type='TemporalAugmentedConsistency',
    flow_estimator=dict(type='TinyFlow'),
    pseudo_label_head=dict(type='OcclusionAwarePseudoLabelHead', delta=0.9),
    temporal_augmentation=dict(type='TemporalAugmentation', t=0.3),
    lambda_tc=0.5,
)
METHODS = ['SourceOnly', 'AdaptSegNet', 'FDA', 'MinEnt', 'DACS', 'DAFormer', 'MIC']


def batch():
    return domain_batch(source_size=(32, 48))


@pytest.mark.parametrize('method', METHODS)
def test_it_adds_a_pass_and_changes_no_other_term(method):
    torch.manual_seed(0)
    model = ready(tiny_method(method, temporal=TEMPORAL))
    without = deepcopy(model)
    without.launched = False
    logged = []
    for each in (model, without):
        torch.manual_seed(1)
        logged.append(terms_of(each.train_step(batch(), optimizers(each))))
    added = {'loss_tc', 'pseudo_label_ratio'}
    assert set(logged[0]) - set(logged[1]) == added
    for name in set(logged[1]) - {'loss_dis'}:
        assert torch.equal(logged[0][name], logged[1][name]), name
    assert any(not torch.equal(a, b) for a, b in zip(model.segmentor.parameters(), without.segmentor.parameters()))


@pytest.mark.parametrize('method', ['SourceOnly', 'DACS'])
def test_its_loss_is_that_of_the_paper(method):
    """Eq. 4 and 9 with the labels of M', whose batch norms are in eval mode here for a student's that are."""
    torch.manual_seed(0)
    model = ready(tiny_method(method, temporal=TEMPORAL))
    with torch.no_grad():
        for parameter in model.proxy.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    other = deepcopy(model)
    frame_0, frame_1 = frames_of(batch())
    flow = other.temporal.flow_estimator
    flow_01, flow_10 = flow(frame_0, frame_1), flow(frame_1, frame_0)
    frame_t = (warped(frame_0, 0.3 * flow_10) + warped(frame_1, 0.7 * flow_01)) / 2
    flow_1t = flow(frame_1, frame_t)
    other.pseudo_label_head = other.temporal.pseudo_label_head
    labels = pseudo_label(other, frame_1, flow_01, flow_10, flow_1t)
    logits = other.logits(other.data_preprocessor.normalize(frame_t))
    expected = nn.functional.cross_entropy(warped(logits, flow_1t), labels, ignore_index=255)
    logged = model.train_step(batch(), optimizers(model))
    torch.testing.assert_close(logged['loss_tc'], expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logged['pseudo_label_ratio'], (labels != 255).float().mean())
    assert model.loss_weights['loss_tc'] == 0.5


def test_i2vda_is_made_of_it():
    model = tiny_i2vda(lambda_tc=0.25, flow_1t='compose')
    assert type(model.temporal).__name__ == 'TemporalAugmentedConsistency'
    for name in (
        'flow_estimator',
        'pseudo_label_head',
        'temporal_augmentation',
        'flow_1t',
        'lambda_tc',
        'ignore_outside',
    ):
        assert getattr(model, name) is getattr(model.temporal, name)
    estimator = deepcopy(model.flow_estimator)
    model.flow_estimator = estimator
    assert model.temporal.flow_estimator is estimator
    with pytest.raises(AttributeError, match='no_such_thing'):
        _ = model.no_such_thing


def test_checkpoints_hold_the_proxy_and_no_flow():
    model = tiny_method('SourceOnly', temporal=TEMPORAL)
    assert {key.partition('.')[0] for key in model.state_dict()} == {'segmentor', 'proxy'}
    plain = tiny_method('SourceOnly')
    plain.load_state_dict(model.state_dict(), strict=True)
    model.load_state_dict(plain.state_dict(), strict=True)
    assert not hasattr(plain, 'proxy')


def test_a_run_that_never_renews_the_proxy_is_refused():
    for method in ('SourceOnly', 'DACS'):
        with pytest.raises(ConfigError, match=f"{method} learns from its proxy, M', which no hook"):
            tiny_method(method, temporal=TEMPORAL).check_run()
    tiny_method('SourceOnly').check_run()
    tiny_method('SourceOnly', temporal=dict(TEMPORAL, pseudo_label_head=None)).check_run()


def test_methods_of_two_frames_refuse_it():
    with pytest.raises(ConfigError, match=r'model\.temporal: I_t is a single frame, and TPS predicts from two'):
        tiny_tps(temporal=TEMPORAL)


def test_a_teacher_normalises_with_its_batch_and_keeps_its_dropout_silent():
    cfg = tiny_segmentor_cfg()
    torch.manual_seed(0)
    model = tiny_method('DACS', segmentor=cfg)
    model.segmentor.decode_head.convs[0] = nn.Sequential(nn.Dropout(0.5), model.segmentor.decode_head.convs[0])
    model.build_proxy()
    model.train()
    images = torch.randn(2, 3, 32, 48) * 3 + 1
    before = state_of(model.proxy)
    first = model.proxy_logits(images)
    assert torch.equal(first, model.proxy_logits(images))  # nothing is drawn
    assert all(torch.equal(value, before[name]) for name, value in state_of(model.proxy).items())
    reference = deepcopy(model.proxy)
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
    with torch.no_grad():
        torch.testing.assert_close(first, model.upsampled(reference(images, mode='tensor'), images))
        assert not torch.allclose(first, model.upsampled(model.proxy(images, mode='tensor'), images))
