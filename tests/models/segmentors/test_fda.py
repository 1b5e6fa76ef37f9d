"""FDA's terms, against its formula written anew."""

from copy import deepcopy

import pytest
import torch
from equations import frames_of, normalised, predicted, source_of
from helpers import domain_batch, entropy_reference, optimizers, ready, state_of, terms_of, tiny_method
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from torch.nn.functional import cross_entropy


@pytest.fixture(autouse=True)
def message_hub():
    """What the runner tells the model, for this test alone."""
    return MessageHub.get_instance('test_fda')


def with_pseudo_labels(batch, ignored=False):
    height, width = batch['target']['inputs'][0].shape[-2:]
    for i, sample in enumerate(batch['target']['data_samples']):
        labels = torch.randint(3, (1, height, width), generator=torch.Generator().manual_seed(i))
        labels[:, : height if ignored else 5] = 255
        sample.gt_sem_seg = PixelData(data=labels)
    return batch


def robust_entropy_of(logits, eta):
    return float(((entropy_reference(logits.detach().double().numpy()) ** 2 + 1e-8) ** eta).mean())


def test_terms_of_the_first_stage():
    message_hub = MessageHub.get_current_instance()
    message_hub.update_info('iter', 0)
    model = ready(tiny_method('FDA', eta=1.5))
    images, labels = source_of(domain_batch())
    target = normalised(frames_of(domain_batch())[1])
    expected = dict(
        loss_seg=cross_entropy(predicted(model.segmentor, images), labels, ignore_index=255),
        loss_ent=robust_entropy_of(model.segmentor(target, mode='tensor'), 1.5),  # not upsampled
    )
    logged = model.train_step(domain_batch(), optimizers(model))
    assert terms_of(logged).keys() == expected.keys()
    for name, value in expected.items():
        assert logged[name].item() == pytest.approx(float(torch.as_tensor(value)), rel=1e-5)


def test_the_second_stage_learns_from_pseudo_labels():
    model = ready(tiny_method('FDA'))
    batch = with_pseudo_labels(domain_batch())
    labels = torch.cat([sample.gt_sem_seg.data for sample in batch['target']['data_samples']])
    logits = predicted(model.segmentor, normalised(frames_of(batch)[1]))
    logged = model.train_step(deepcopy(batch), optimizers(model))
    assert logged['loss_target'].item() == pytest.approx(
        cross_entropy(logits, labels, ignore_index=255).item(), rel=1e-5
    )
    logged = model.train_step(with_pseudo_labels(batch, ignored=True), optimizers(model))
    assert logged['loss_target'].item() == 0


def gradient(model, batch, *weighted):
    """The gradient of a weighted sum of terms, each computed alone."""
    total = {name: torch.zeros_like(value) for name, value in model.segmentor.named_parameters()}
    for weight, term in weighted:
        model.zero_grad()
        passes = list(model.segmentor_passes(model.data_preprocessor(deepcopy(batch), training=True)))
        next(p.losses[term] for p in passes if term in p.losses).backward()
        for name, value in model.segmentor.named_parameters():
            total[name] += weight * value.grad
    model.zero_grad()
    return total


@pytest.mark.parametrize(('iteration', 'weight'), [(4, 0.0), (5, 0.0), (6, 0.3)])
def test_entropy_starts_after_its_iteration(message_hub, iteration, weight):
    message_hub.update_info('iter', iteration)
    model = ready(tiny_method('FDA', lambda_ent=0.3, switch2entropy=5))
    batch = with_pseudo_labels(domain_batch())
    expected = gradient(model, batch, (1, 'loss_seg'), (1, 'loss_target'), (weight, 'loss_ent'))
    before = state_of(model.segmentor)
    assert 'loss_ent' in model.train_step(deepcopy(batch), optimizers(model, lr=0.1))
    for name, value in model.segmentor.named_parameters():
        torch.testing.assert_close(value, before[name] - 0.1 * expected[name], rtol=1e-4, atol=1e-6)


def test_errors():
    with pytest.raises(ValueError, match='switch2entropy must not be negative, got -1'):
        tiny_method('FDA', switch2entropy=-1)
