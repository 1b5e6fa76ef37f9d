"""Logged terms and updates, against Eq. 1-12 written anew with other means: ``grid_sample``, loops, autograd."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import (
    MEAN,
    STD,
    consistency_reference,
    domain_batch,
    entropy_reference,
    optimizers,
    sharpen,
    state_of,
    still_statistics,
    tiny_i2vda,
    tiny_method,
)

LR = 0.05


def warped(x, flow):
    """Backward warping with border padding, differentiable and independent of ``ops``."""
    height, width = x.shape[-2:]
    column = (torch.arange(width) + flow[:, 0]).clamp(0, width - 1)
    row = (torch.arange(height)[:, None] + flow[:, 1]).clamp(0, height - 1)
    grid = torch.stack((2 * column / (width - 1) - 1, 2 * row / (height - 1) - 1), dim=-1)
    return F.grid_sample(x.double(), grid.double(), padding_mode='border', align_corners=True).float()


def normalised(rgb):
    """RGB 0..255 to network input: BGR, minus the mean, over the standard deviation."""
    return (rgb.flip(1) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def predicted(network, images):
    logits = network(images, mode='tensor')
    return F.interpolate(logits, images.shape[-2:], mode='bilinear', align_corners=True)


def source_of(batch):
    images = torch.stack(batch['source']['inputs']).float().flip(1)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in batch['source']['data_samples']])
    return normalised(images), labels


def frames_of(batch):
    """I_0 and I_1, RGB 0..255."""
    return torch.stack(batch['target']['inputs']).float().flip(2).unbind(1)


def pseudo_label(model, frame_1, flow_01, flow_10, flow_1t):
    """Eq. 6-8, and the pixels that leave the frame on the way to I_t."""
    logits = predicted(model.proxy, normalised(frame_1)).detach().numpy()
    head = model.pseudo_label_head
    keep = entropy_reference(logits) < head.delta
    keep &= consistency_reference(flow_01.numpy(), flow_10.numpy(), head.eta, head.frame)
    column = np.arange(flow_1t.shape[3]) + flow_1t[:, 0].numpy()
    row = np.arange(flow_1t.shape[2])[:, None] + flow_1t[:, 1].numpy()
    keep &= (column >= 0) & (column <= flow_1t.shape[3] - 1) & (row >= 0) & (row <= flow_1t.shape[2] - 1)
    return torch.from_numpy(np.where(keep, logits.argmax(1), 255))


def i2vda_terms(model, batch, t=0.3, flow_1t='estimate', augmented=True):
    """The terms of Eq. 9-12 and the share of pseudo-labels, each as a graph over the parameters of M and D."""
    images, labels = source_of(batch)
    frame_0, frame_1 = frames_of(batch)
    flow = model.flow_estimator
    flow_01, flow_10 = flow(frame_0, frame_1), flow(frame_1, frame_0)
    frame_t, f_1t = frame_0, flow_10
    if augmented:
        frame_t = (warped(frame_0, t * flow_10) + warped(frame_1, (1 - t) * flow_01)) / 2
        f_1t = flow(frame_1, frame_t) if flow_1t == 'estimate' else (1 - t) * flow_10
    logits_s, logits_0, logits_t = (
        predicted(model.segmentor, x) for x in (images, normalised(frame_0), normalised(frame_t))
    )
    p_s, p_0, p_t = (logits.softmax(1) for logits in (logits_s, logits_0, logits_t))
    discriminator = model.discriminator
    labels_1 = pseudo_label(model, frame_1, flow_01, flow_10, f_1t)
    return dict(
        loss_seg=F.cross_entropy(logits_s, labels, ignore_index=255),
        loss_adv=(discriminator(p_0) - 0).pow(2).mean() + (discriminator(p_t) - 0).pow(2).mean(),
        loss_tc=F.cross_entropy(warped(logits_t, f_1t), labels_1, ignore_index=255),
        pseudo_label_ratio=(labels_1 != 255).float().mean(),
        loss_dis=(discriminator(p_s.detach()) - 0).pow(2).mean()
        + (discriminator(p_0.detach()) - 1).pow(2).mean() / 2
        + (discriminator(p_t.detach()) - 1).pow(2).mean() / 2,
    )


def adaptsegnet_terms(model, batch):
    images, labels = source_of(batch)
    logits_s, logits_1 = (predicted(model.segmentor, x) for x in (images, normalised(frames_of(batch)[1])))
    p_s, p_1 = logits_s.softmax(1), logits_1.softmax(1)
    discriminator = model.discriminator
    return dict(
        loss_seg=F.cross_entropy(logits_s, labels, ignore_index=255),
        loss_adv=discriminator(p_1).pow(2).mean(),
        loss_dis=discriminator(p_s.detach()).pow(2).mean() / 2 + (discriminator(p_1.detach()) - 1).pow(2).mean() / 2,
    )


def source_only_terms(model, batch):
    images, labels = source_of(batch)
    return dict(loss_seg=F.cross_entropy(predicted(model.segmentor, images), labels, ignore_index=255))


def ready(model):
    """Confident networks, a proxy unlike M, and forwards that can be repeated."""
    still_statistics(sharpen(model))
    if hasattr(model, 'discriminator'):
        with torch.no_grad():
            for parameter in model.discriminator.parameters():
                parameter.mul_(2)
    return model


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
    assert (model.lambda_adv, model.lambda_tc) == (lambda_adv, lambda_tc)
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
    terms = adaptsegnet_terms(other, domain_batch())
    expected = after_one_step(other, terms['loss_seg'] + 0.3 * terms['loss_adv'], terms['loss_dis'])
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


@pytest.mark.parametrize('method', ['SourceOnly', 'AdaptSegNet', 'I2VDA'])
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


@pytest.mark.parametrize('method', ['SourceOnly', 'AdaptSegNet', 'I2VDA'])
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
