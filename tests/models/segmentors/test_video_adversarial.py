"""A discriminator of two frames beside self-training: its terms, whose gradients they are, and what it refuses."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from helpers import domain_batch, optimizers, ready, state_of, tiny_hrda_cfg, tiny_method

JUDGE = dict(type='FCDiscriminator', in_channels=6, base_channels=2)
LR = 0.05


def batch(size=(32, 48)):
    return domain_batch(source_size=size, target_size=size, pairs=True)


def judged(method='DACS', **options):
    torch.manual_seed(0)
    model = ready(tiny_method(method, discriminator=JUDGE, **options))
    with torch.no_grad():  # scores far from 0, so that all terms differ
        model.discriminator.convs[-1].bias.fill_(0.3)
    return model


def score(model, x):
    convs = model.discriminator.convs
    for conv in convs[:-1]:
        x = F.leaky_relu(F.conv2d(x, conv.weight, conv.bias, stride=2, padding=1), 0.2)
    return F.conv2d(x, convs[-1].weight, convs[-1].bias, stride=2, padding=1)


def judged_by_hand(model, frames):
    """One softmax over the upsampled logits of frame t, then t - 1, of RGB frames (N, 2, 3, H, W)."""
    logits = []
    for place in (1, 0):
        images = (frames[:, place].flip(1) - model.data_preprocessor.mean) / model.data_preprocessor.std
        network = model.segmentor
        coarse = network.decode_head(network.backbone(images))
        logits.append(F.interpolate(coarse, frames.shape[-2:], mode='bilinear', align_corners=True))
    logits[1] = logits[1].detach()
    exponential = torch.cat(logits, 1).exp()
    return exponential / exponential.sum(1, keepdim=True)


def test_both_steps_are_those_of_the_terms_by_hand():
    model = judged(lambda_adv=0.3, lambda_dis=0.2)
    other = deepcopy(model)
    data = other.data_preprocessor(batch(), training=True)
    source, target = (judged_by_hand(other, data[domain]['frames']) for domain in ('source', 'target'))
    loss_adv = score(other, target).square().mean()
    loss_dis = (score(other, source.detach()).square().mean() + (score(other, target.detach()) - 1).square().mean()) / 2
    adv_gradients = torch.autograd.grad(loss_adv, list(other.segmentor.parameters()))
    dis_gradients = torch.autograd.grad(loss_dis, list(other.discriminator.parameters()))

    plain = deepcopy(model)
    plain.loss_weights['loss_adv'] = 0.0
    for each in (model, plain):
        torch.manual_seed(3)  # what the mix and the augmentation draw
        logged = each.train_step(batch(), optimizers(each, lr=LR))
    torch.testing.assert_close(logged['loss_adv'], loss_adv.detach())
    torch.testing.assert_close(logged['loss_dis'], loss_dis.detach())
    before = state_of(other.discriminator)
    for (name, parameter), gradient in zip(model.discriminator.named_parameters(), dis_gradients):
        torch.testing.assert_close(parameter.detach(), before[name].detach() - LR * 0.2 * gradient)
    for with_term, without, gradient in zip(
        model.segmentor.parameters(), plain.segmentor.parameters(), adv_gradients, strict=True
    ):
        torch.testing.assert_close(with_term - without, -LR * 0.3 * gradient, rtol=1e-3, atol=1e-6)
    assert any(gradient.abs().max() > 1e-3 for gradient in adv_gradients)


def test_the_released_weights():
    model = judged()
    assert (model.loss_weights['loss_adv'], model.loss_weights['loss_dis']) == (0.001 * 0.1, 0.1)
    assert type(model.loss_gan).__name__ == 'LeastSquaresLoss'


def test_no_gradient_reaches_the_previous_frame():
    model = judged()
    frames = model.data_preprocessor(batch(), training=True)['target']['frames'].requires_grad_()
    predictions = model.judged_pair(frames)['main']
    predictions[:, 3:].sum().backward()  # the channels of t - 1 see those of t through the softmax
    assert frames.grad[:, 1].abs().max() > 0
    assert frames.grad[:, 0].abs().max() == 0


def test_the_discriminator_gets_no_gradient_of_the_segmentors_step(monkeypatch):
    model, seen = judged(lambda_adv=10.0), []
    step = model.update_discriminator

    def look(*args):
        seen.extend(parameter.grad for parameter in model.discriminator.parameters())
        assert all(parameter.requires_grad for parameter in model.discriminator.parameters())
        return step(*args)

    monkeypatch.setattr(model, 'update_discriminator', look)
    before = state_of(model.segmentor)
    model.train_step(batch(), optimizers(model, lr=LR))
    assert seen == [None] * 10
    assert not any(torch.equal(value, before[name]) for name, value in model.segmentor.named_parameters())


def test_both_frames_are_seen_with_one_detail():
    model = judged('HRDA', segmentor=tiny_hrda_cfg())
    frames = model.data_preprocessor(batch(), training=True)['target']['frames']
    frames = frames[:, -1:].repeat(1, 2, 1, 1, 1)
    seen = []
    for seed in range(8):
        torch.manual_seed(seed)
        predictions = model.judged_pair(frames)['main'].detach()
        assert predictions.shape == (2, 6, 16, 24)  # half of 32 x 48
        torch.testing.assert_close(predictions[:, :3], predictions[:, 3:])  # independent details would differ
        seen.append(predictions)
    assert not all(torch.equal(seen[0], other) for other in seen)
    with model.segmentor.same_box():
        first = model.segmentor.draw_box((32, 48))
        assert {model.segmentor.draw_box((32, 48)) for _ in range(9)} == {first}
    assert len({model.segmentor.draw_box((32, 48)) for _ in range(30)}) > 1


@pytest.mark.parametrize('method', ['DACS', 'DAFormer', 'HRDA', 'MIC', 'VFMUDA'])
def test_all_methods_of_self_training_take_it(method):
    options = dict(segmentor=tiny_hrda_cfg()) if method == 'HRDA' else {}
    options |= dict(mask_block=16) if method == 'VFMUDA' else {}
    model = judged(method, **options)
    size = (64, 96) if method == 'HRDA' else (32, 48)  # judged at half of it
    logged = model.train_step(batch(size), optimizers(model, lr=LR))
    assert {'loss_seg', 'loss_mix', 'loss_adv', 'loss_dis'} <= logged.keys()
    assert all(value.isfinite() for value in logged.values())


def test_only_targets_as_they_are_move_the_statistics():
    model, plain = (judged(batch_statistics='target').train() for _ in range(2))
    plain.source_predictions, plain.adversarial_passes = (lambda source: None), (lambda target: iter(()))
    plain.count_passes = lambda data: 2
    data = model.data_preprocessor(batch(), training=True)
    for each in (model, plain):
        for current in each.segmentor_passes(data):
            each.weighted_sum(current.losses).backward()
    assert torch.equal(model.segmentor.backbone.norm.running_mean, plain.segmentor.backbone.norm.running_mean)
    assert model.segmentor.backbone.norm.running_mean.any()


def test_what_cannot_be():
    with pytest.raises(ValueError, match=r'in_channels is 3, but it judges 6 channels'):
        tiny_method('DACS', discriminator=dict(JUDGE, in_channels=3))
    model = judged()
    with pytest.raises(ValueError, match=r'discriminator of DACS learns from two source frames.*previous_frame=True'):
        model.train_step(domain_batch(source_size=(32, 48)), optimizers(model))
    data = batch()
    data['target']['inputs'] = [image[-1:] for image in data['target']['inputs']]
    with pytest.raises(ValueError, match=r'LoadFramePair\.only_last: the method looks at the last two frames'):
        model.train_step(data, optimizers(model))
