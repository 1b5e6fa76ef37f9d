"""Logged terms, against the equations written anew."""

from functools import partial

import pytest
import torch
from equations import (
    adversarial_terms,
    binary_cross_entropy,
    i2vda_terms,
    minent_terms,
    self_information,
    source_only_terms,
)
from helpers import domain_batch, optimizers, ready, terms_of, tiny_i2vda, tiny_method, tiny_multi_level_method

CASES = {
    'paper': (dict(), dict()),
    'compose': (dict(flow_1t='compose'), dict(flow_1t='compose')),
    'literal_eq_8': (dict(ignore_outside=False), dict(ignore_outside=False)),
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
    assert terms_of(logged).keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            logged[name], value.detach(), rtol=2e-4, atol=1e-6, msg=lambda m, n=name: f'{n}: {m}'
        )
        assert not logged[name].requires_grad


def binary(terms):
    return partial(terms, criterion=binary_cross_entropy)


ENTROPIC = partial(adversarial_terms, judged=self_information)
METHODS = {
    'SourceOnly': (tiny_method, 'SourceOnly', source_only_terms),
    'SourceOnly, two levels': (tiny_multi_level_method, 'SourceOnly', source_only_terms),
    'MinEnt': (tiny_method, 'MinEnt', minent_terms),
    'MinEnt, two levels': (tiny_multi_level_method, 'MinEnt', minent_terms),
    'AdaptSegNet': (tiny_method, 'AdaptSegNet', adversarial_terms),
    'AdaptSegNet, two levels': (tiny_multi_level_method, 'AdaptSegNet', binary(adversarial_terms)),
    'AdvEnt': (tiny_method, 'AdvEnt', ENTROPIC),
    'AdvEnt, two levels': (tiny_multi_level_method, 'AdvEnt', binary(ENTROPIC)),
}


@pytest.mark.parametrize('case', METHODS)
def test_a_method_logs_its_terms(case):
    build, method, terms = METHODS[case]
    model = ready(build(method))
    expected = terms(model, domain_batch())
    assert any(name.endswith('_aux') for name in expected) == ('two levels' in case)
    logged = model.train_step(domain_batch(), optimizers(model))
    assert terms_of(logged).keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(logged[name], value.detach(), rtol=2e-4, atol=1e-6)
