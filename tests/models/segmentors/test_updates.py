"""Weights after a step, against autograd over the equations written anew."""

from copy import deepcopy

import pytest
import torch
from equations import adversarial_terms, binary_cross_entropy, i2vda_terms, minent_terms, source_only_terms
from helpers import domain_batch, optimizers, ready, state_of, tiny_i2vda, tiny_method, tiny_multi_level_method

METHODS = ['SourceOnly', 'MinEnt', 'AdaptSegNet', 'AdvEnt', 'I2VDA']
LR = 0.05


def after_one_step(model, total, loss_dis):
    """Parameters that plain SGD gives, by autograd over the whole total at once."""
    expected = state_of(model)
    for network, loss in (('segmentor', total), ('discriminator', loss_dis)):
        if loss is None:
            continue
        named = dict(getattr(model, network).named_parameters())
        gradients = torch.autograd.grad(loss, list(named.values()), retain_graph=True)
        for (name, parameter), gradient in zip(named.items(), gradients):
            expected[f'{network}.{name}'] = parameter.detach() - LR * gradient
    return expected


@pytest.mark.parametrize(('overrides', 'lambda_adv', 'lambda_tc'), [
    (dict(), 0.01, 1.0),
    (dict(lambda_adv=0.5, lambda_tc=0.25), 0.5, 0.25),
    (dict(lambda_adv=0.0, lambda_tc=2.0, flow_1t='estimate'), 0.0, 2.0),
])  # fmt: skip
def test_one_step_of_i2vda(overrides, lambda_adv, lambda_tc):
    model = ready(tiny_i2vda(**overrides))
    assert (model.lambda_adv, model.temporal.lambda_tc) == (lambda_adv, lambda_tc)
    other = deepcopy(model)
    terms = i2vda_terms(other, domain_batch())
    total = terms['loss_seg'] + lambda_adv * terms['loss_adv'] + lambda_tc * terms['loss_tc']
    expected = after_one_step(other, total, terms['loss_dis'])
    before = state_of(model)
    model.train_step(domain_batch(), optimizers(model, lr=LR))
    for name, value in state_of(model).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6, msg=lambda m, n=name: f'{n}: {m}')
    moved = {name for name, value in state_of(model).items() if not torch.equal(value, before[name])}
    trained = {name for name, _ in model.named_parameters() if name.startswith(('segmentor.', 'discriminator.'))}
    assert moved == trained


def test_one_step_of_adaptsegnet():
    model = ready(tiny_method('AdaptSegNet', lambda_adv=0.3))
    other = deepcopy(model)
    terms = adversarial_terms(other, domain_batch())
    expected = after_one_step(other, terms['loss_seg'] + 0.3 * terms['loss_adv'], terms['loss_dis'])
    model.train_step(domain_batch(), optimizers(model, lr=LR))
    for name, value in state_of(model).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_one_step_of_two_levels():
    weights = dict(lambda_seg_aux=0.2, lambda_adv=0.3, lambda_adv_aux=0.05)
    model = ready(tiny_multi_level_method('AdaptSegNet', **weights))
    other = deepcopy(model)
    terms = adversarial_terms(other, domain_batch(), criterion=binary_cross_entropy)
    total = terms['loss_seg'] + 0.2 * terms['loss_seg_aux'] + 0.3 * terms['loss_adv'] + 0.05 * terms['loss_adv_aux']
    expected = after_one_step(other, total, terms['loss_dis'] + terms['loss_dis_aux'])
    model.train_step(domain_batch(), optimizers(model, lr=LR))
    for name, value in state_of(model).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_one_step_of_minent():
    model = ready(tiny_multi_level_method('MinEnt', lambda_ent=0.4, lambda_ent_aux=0.2))
    other = deepcopy(model)
    terms = minent_terms(other, domain_batch())
    total = terms['loss_seg'] + 0.1 * terms['loss_seg_aux'] + 0.4 * terms['loss_ent'] + 0.2 * terms['loss_ent_aux']
    expected = after_one_step(other, total, None)
    model.train_step(domain_batch(), optimizers(model, lr=LR))
    for name, value in state_of(model).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_one_step_of_source_only():
    model = ready(tiny_method('SourceOnly'))
    other = deepcopy(model)
    expected = after_one_step(other, source_only_terms(other, domain_batch())['loss_seg'], None)
    model.train_step(domain_batch(), optimizers(model, lr=LR))
    for name, value in state_of(model).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('method', METHODS)
def test_accumulated_gradients_equal_one_step(method):
    model = ready(tiny_method(method))
    other = deepcopy(model)
    model.train_step(domain_batch(), optimizers(model, lr=LR))
    steps = optimizers(other, lr=LR, accumulative_counts=2)
    before = state_of(other.segmentor)
    other.train_step(domain_batch(), steps)
    assert all(torch.equal(value, before[name]) for name, value in state_of(other.segmentor).items())
    other.train_step(domain_batch(), steps)
    for name, value in state_of(other).items():
        torch.testing.assert_close(value, state_of(model)[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('method', METHODS)
def test_each_step_counts_once(method):
    model = ready(tiny_method(method))
    steps = optimizers(model, lr=LR)
    for _ in range(3):
        model.train_step(domain_batch(), steps)
    assert {name: wrapper.inner_count for name, wrapper in steps.items()} == dict.fromkeys(steps.keys(), 3)


def test_gradients_are_clipped_over_the_whole_total():
    model = ready(tiny_i2vda())
    other = deepcopy(model)
    terms = i2vda_terms(other, domain_batch())
    total = terms['loss_seg'] + 0.01 * terms['loss_adv'] + terms['loss_tc']
    parameters = list(other.segmentor.parameters())
    gradients = torch.autograd.grad(total, parameters)
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    model.train_step(domain_batch(), optimizers(model, lr=LR, clip_grad=dict(max_norm=norm.item() / 4)))
    for parameter, before, gradient in zip(model.segmentor.parameters(), parameters, gradients):
        torch.testing.assert_close(parameter, before - LR * gradient / 4, rtol=1e-3, atol=1e-6)


def test_mixed_precision_with_a_scaled_loss(monkeypatch):
    """Every backward pass is scaled, and the step sees the gradients unscaled; in bfloat16, so that a CPU can do it."""
    monkeypatch.setattr('mmengine.optim.optimizer.amp_optimizer_wrapper.is_cuda_available', lambda: True)
    model = ready(tiny_i2vda())
    other = deepcopy(model)
    terms = i2vda_terms(other, domain_batch())
    total = terms['loss_seg'] + 0.01 * terms['loss_adv'] + terms['loss_tc']
    gradients = torch.autograd.grad(total, list(other.segmentor.parameters()))
    steps = optimizers(model, lr=LR, type='AmpOptimWrapper', dtype='bfloat16')
    for wrapper in steps.values():
        wrapper.loss_scaler = torch.amp.GradScaler('cpu', init_scale=1024.0)
    logged = model.train_step(domain_batch(), steps)
    for name, value in terms.items():
        torch.testing.assert_close(logged[name].float(), value.detach(), rtol=0.05, atol=0.02)
    step = torch.cat([(p - q).flatten() for p, q in zip(other.segmentor.parameters(), model.segmentor.parameters())])
    expected = LR * torch.cat([gradient.flatten() for gradient in gradients])
    assert (step - expected).norm() < 0.05 * expected.norm()


@pytest.mark.parametrize('said', [2, 4])
def test_passes_are_as_many_as_the_method_says(said, monkeypatch):
    model = tiny_method('I2VDA')
    monkeypatch.setattr(model, 'count_passes', lambda batch: said)
    with pytest.raises(RuntimeError, match=f'count_passes says {said}, but segmentor_passes made 3'):
        model.train_step(domain_batch(), optimizers(model, lr=LR))
