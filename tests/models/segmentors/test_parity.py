"""A whole step of each method against its released formula, in double precision."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from equations import (
    adversarial_terms,
    binary_cross_entropy,
    frames_of,
    minent_terms,
    normalised,
    predicted,
    self_information,
    source_of,
    warped,
)
from helpers import domain_batch, entropy_reference, optimizers, ready, state_of, tiny_method, tiny_multi_level_method
from mmengine.logging import MessageHub
from two_frame import CALM, tiny_davsn, tiny_tps, two_frame_batch

from .test_davsn import coarse, davsn_terms, heads, up
from .test_davsn import frames_of as pair_of

LR = 0.05
SEGMENTOR, DISCRIMINATOR = 'segmentor', 'discriminator'


@pytest.fixture(autouse=True)
def double(monkeypatch):
    """Build and compute in double precision, also where at least single precision is asked for."""
    monkeypatch.setattr(torch.Tensor, 'float', torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def assert_step(model, batch, losses):
    """One SGD step moves each parameter of each network as the gradient of its loss says.

    Args:
        model: The method.
        batch: As the loader gives it.
        losses: Function of a copy of the model, which gives the loss of each network by its name.
    """
    other = deepcopy(model)
    expected = state_of(other)
    for network, loss in losses(other).items():
        named = dict(getattr(other, network).named_parameters())
        gradients = torch.autograd.grad(loss, list(named.values()), retain_graph=True, allow_unused=True)
        for (name, parameter), gradient in zip(named.items(), gradients):
            if gradient is not None:
                expected[f'{network}.{name}'] = parameter.detach() - LR * gradient
    before = state_of(model)
    model.train_step(batch, optimizers(model, lr=LR))
    moved = 0.0
    for name, value in state_of(model).items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-8, msg=lambda m, n=name: f'{n}: {m}')
        moved = max(moved, float((value - before[name]).abs().max()))
    assert moved > 1e-3  # a hundred thousand times the tolerance


def weighted(terms, **weights):
    return sum(weight * terms[name] for name, weight in weights.items())


def test_minent():
    """CE + 0.1 CE_aux + 0.001 E + 0.0002 E_aux."""

    def losses(model):
        terms = minent_terms(model, domain_batch())
        return {SEGMENTOR: weighted(terms, loss_seg=1, loss_seg_aux=0.1, loss_ent=1e-3, loss_ent_aux=2e-4)}

    assert_step(ready(tiny_multi_level_method('MinEnt')), domain_batch(), losses)


def test_advent():
    """The same with adversarial terms; each domain counts half for the discriminators."""

    def losses(model):
        terms = adversarial_terms(model, domain_batch(), self_information, binary_cross_entropy)
        weights = dict(loss_seg=1, loss_seg_aux=0.1, loss_adv=1e-3, loss_adv_aux=2e-4)
        return {
            SEGMENTOR: weighted(terms, **weights),
            DISCRIMINATOR: weighted(terms, loss_dis=1, loss_dis_aux=1),
        }

    options = dict(lambda_adv=1e-3, lambda_adv_aux=2e-4)
    assert_step(ready(tiny_multi_level_method('AdvEnt', **options)), domain_batch(), losses)


@pytest.mark.parametrize('iteration', [0, 1])
def test_fda(iteration):
    """CE + 0.005 (E^2 + 1e-8)^2 on the logits as they are, from the second iteration on."""
    MessageHub.get_instance(f'test_fda_{iteration}').update_info('iter', iteration)

    def losses(model):
        images, labels = source_of(domain_batch())
        logits = model.segmentor(normalised(frames_of(domain_batch())[1]), mode='tensor')
        log_probs = logits.log_softmax(1)
        entropy = -(log_probs.exp() * log_probs).sum(1) / torch.tensor(3.0).log()
        assert torch.allclose(entropy, torch.from_numpy(entropy_reference(logits.detach().numpy())))
        cross_entropy = F.cross_entropy(predicted(model.segmentor, images), labels, ignore_index=255)
        return {SEGMENTOR: cross_entropy + iteration * 0.005 * ((entropy**2 + 1e-8) ** 2).mean()}

    assert_step(ready(tiny_method('FDA')), domain_batch(), losses)


def test_davsn():
    """Two kinds of discriminators, the second head's adversarial terms times 0.2, all unsupervised ones times 0.001."""

    def losses(model):
        terms = davsn_terms(model, two_frame_batch(frames=2))
        unsupervised = weighted(
            terms, loss_adv_sta=1, loss_adv_sa=1, loss_adv_sta_aux=0.2, loss_adv_sa_aux=0.2, loss_itc=1, loss_itc_aux=1
        )
        judges = [terms[f'loss_dis_{kind}'] for kind in ('sta', 'sta_aux', 'sa', 'sa_aux')]
        return {
            SEGMENTOR: weighted(terms, loss_seg=1, loss_seg_aux=0.1) + 0.001 * unsupervised,
            DISCRIMINATOR: sum(judges) + 0.001 * terms['loss_wd'],
        }

    torch.manual_seed(4)
    model = ready(tiny_davsn())
    torch.nn.init.normal_(model.segmentor.sf_layer.weight)
    assert_step(model, two_frame_batch(frames=2), losses)


def fused(model, current, previous, flow):
    """Logits of both heads: those of the previous frame fetched along the flow, without gradient, and fused."""
    now = heads(model, current)
    with torch.no_grad():
        before = heads(model, previous)
    moved = {suffix: warped(logits, coarse(flow, logits)) for suffix, logits in before.items()}
    return {suffix: model.segmentor.sf_layer(torch.cat((now[suffix], moved[suffix]), 1)) for suffix in now}


def tps_terms(model, batch, is_flipped, size):
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in batch['source']['data_samples']])
    previous, current = pair_of(batch, 'source')
    flow = model.flow_estimator
    source = fused(model, current, previous, flow(current, previous))
    frame_a, frame_b, frame_d = torch.stack(batch['target']['inputs']).float().flip(2).unbind(1)
    flow_ba, flow_db = flow(frame_b, frame_a), flow(frame_d, frame_b)
    teacher = frame_b, frame_a, flow_ba
    if is_flipped:
        mirrored = flow_ba.flip(3) * torch.tensor([-1.0, 1.0]).view(2, 1, 1)
        teacher = frame_b.flip(3), frame_a.flip(3), mirrored
    student = fused(model, up(frame_d, size), up(frame_b, size), coarse(flow_db, torch.empty(1, 1, *size)))
    terms = {}
    for suffix, logits in fused(model, *teacher).items():
        probs = logits.detach().softmax(1)
        probs = probs.flip(3) if is_flipped else probs
        pseudo_labels = warped(probs, coarse(flow_db, probs)).argmax(1)
        terms[f'loss_tps{suffix}'] = F.cross_entropy(up(student[suffix], probs.shape[-2:]), pseudo_labels)
        terms[f'loss_seg{suffix}'] = F.cross_entropy(up(source[suffix], labels.shape[1:]), labels, ignore_index=255)
    return terms


@pytest.mark.parametrize(('is_flipped', 'scale', 'size'), [(0, 1.0, (32, 48)), (1, 1.0, (32, 48)), (1, 0.8, (24, 40))])
def test_tps(is_flipped, scale, size):
    """Without the strong augmentation: the aim is b's prediction moved to d, of mirrored frames or not."""

    def losses(model):
        terms = tps_terms(model, two_frame_batch(), is_flipped, size)
        return {SEGMENTOR: weighted(terms, loss_seg=1, loss_seg_aux=0.1, loss_tps=0.3, loss_tps_aux=0.03)}

    torch.manual_seed(4)
    options = dict(augmentation=CALM, lambda_tps=0.3, flip_prob=float(is_flipped), scales=(scale, scale))
    model = ready(tiny_tps(**options))
    torch.nn.init.normal_(model.segmentor.sf_layer.weight)
    assert_step(model, two_frame_batch(), losses)
