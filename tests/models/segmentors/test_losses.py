"""Logged terms, against the equations written anew."""

import pytest
import torch
from equations import adaptsegnet_terms, i2vda_terms, source_only_terms
from helpers import domain_batch, optimizers, ready, tiny_i2vda, tiny_method

CASES = {
    'paper': (dict(), dict()),
    'compose': (dict(flow_1t='compose'), dict(flow_1t='compose')),
    'no_augmentation': (dict(temporal_augmentation=None), dict(augmented=False)),
    'literal_eq_7': (
        dict(pseudo_label_head=dict(type='OcclusionAwarePseudoLabelHead', delta=0.9, eta=1.5, frame='0')),
        dict(),
    ),
    'other_t': (dict(temporal_augmentation=dict(type='TemporalAugmentation', t=0.9)), dict(t=0.9)),
}


@pytest.mark.parametrize('case', CASES)
def test_i2vda_logs_eq_9_to_12(case):
    overrides, variant = CASES[case]
    model = ready(tiny_i2vda(**overrides))
    expected = i2vda_terms(model, domain_batch(), **variant)
    assert 0.05 < expected['pseudo_label_ratio'] < 0.95
    logged = model.train_step(domain_batch(), optimizers(model))
    assert logged.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            logged[name], value.detach(), rtol=2e-4, atol=1e-6, msg=lambda m, n=name: f'{n}: {m}'
        )
        assert not logged[name].requires_grad


def test_adaptsegnet_logs_its_terms():
    model = ready(tiny_method('AdaptSegNet'))
    expected = adaptsegnet_terms(model, domain_batch())
    logged = model.train_step(domain_batch(), optimizers(model))
    assert logged.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(logged[name], value.detach(), rtol=1e-4, atol=1e-6)


def test_source_only_logs_eq_10():
    model = ready(tiny_method('SourceOnly'))
    expected = source_only_terms(model, domain_batch())
    logged = model.train_step(domain_batch(), optimizers(model))
    assert logged.keys() == {'loss_seg'}
    torch.testing.assert_close(logged['loss_seg'], expected['loss_seg'].detach())
