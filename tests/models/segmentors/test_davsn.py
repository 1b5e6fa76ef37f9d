"""DA-VSN's terms, against the equations written anew with loops over pixels."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from equations import binary_cross_entropy, normalised
from helpers import entropy_reference, optimizers, ready, state_of, terms_of
from two_frame import tiny_davsn, two_frame_batch

from i2vda_mmseg.models.segmentors.davsn import intra_domain_consistency

WEIGHTS = dict(lambda_seg_aux=0.3, lambda_u=0.5, lambda_sa=0.7, lambda_aux=0.4, lambda_wd=0.6)
LR = 0.05


def frames_of(batch, domain):
    """Previous and current frame, RGB 0..255."""
    return torch.stack(batch[domain]['inputs']).float().flip(2)[:, -2:].unbind(1)


def coarse(flow, logits):
    """The flow on the logits' grid, in its pixels."""
    height, width = logits.shape[-2:]
    scale = [(width - 1) / (flow.shape[3] - 1), (height - 1) / (flow.shape[2] - 1)]
    flow = F.interpolate(flow, (height, width), mode='bilinear', align_corners=True)
    return flow * torch.tensor(scale).view(2, 1, 1)


def pushed(x, flow):
    """The loop of DA-VSN, columns outside and rows inside: x at p goes to p - flow(p), the last one stays."""
    moved, landed = torch.zeros_like(x), torch.zeros(x.shape[0], *x.shape[2:], dtype=torch.bool)
    for n, column, row in np.ndindex(len(x), x.shape[3], x.shape[2]):
        to_column = round(column - flow[n, 0, row, column].item())
        to_row = round(row - flow[n, 1, row, column].item())
        if 0 <= to_column < x.shape[3] and 0 <= to_row < x.shape[2]:
            moved[n, :, to_row, to_column] = x[n, :, row, column]
            landed[n, to_row, to_column] = True
    return moved, landed


def heads(model, frame):
    features = model.segmentor.extract_feat(normalised(frame))
    return {'': model.segmentor.decode_head(features), '_aux': model.segmentor.auxiliary_head(features)}


def up(logits, size):
    return F.interpolate(logits, size, mode='bilinear', align_corners=True)


def loss_itc(logits, previous, flow):
    entropy, entropy_before = (torch.from_numpy(entropy_reference(x.detach().numpy())) for x in (logits, previous))
    moved, landed = pushed(previous.softmax(1).detach(), coarse(flow, logits))
    moved_entropy, _ = pushed(entropy_before[:, None], coarse(flow, logits))
    weight = landed & (moved_entropy[:, 0] < entropy)
    assert 0.05 < weight.float().mean() < 0.9
    return (weight[:, None] * (logits.softmax(1) - moved).abs()).mean()


def davsn_terms(model, batch):
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in batch['source']['data_samples']])
    terms = dict(loss_wd=torch.zeros(()))
    members = model.discriminator.members
    sides = {}
    for domain in ('source', 'target'):
        previous, current = frames_of(batch, domain)
        flow = model.flow_estimator(current, previous)
        with torch.no_grad():
            before = heads(model, previous)
        sides[domain] = heads(model, current), before, flow, current.shape[-2:]
    for suffix in ('', '_aux'):
        now, before, flow, size = sides['source']
        fused = model.segmentor.sf_layer(
            torch.cat((now[suffix], pushed(before[suffix], coarse(flow, now[suffix]))[0]), 1)
        )
        terms[f'loss_seg{suffix}'] = F.cross_entropy(up(fused, size), labels, ignore_index=255)
        for kind in ('sta', 'sa'):
            judge, scores = members[kind + suffix], {}
            for domain, (now_, before_, _, size_) in sides.items():
                beside = before_ if kind == 'sta' else now_
                joint = torch.cat((up(now_[suffix], size_), up(beside[suffix], size_)), 1).softmax(1)
                scores[domain] = judge(joint), judge(joint.detach())
            terms[f'loss_adv_{kind}{suffix}'] = binary_cross_entropy(scores['target'][0], 0)
            terms[f'loss_dis_{kind}{suffix}'] = (
                binary_cross_entropy(scores['source'][1], 0) + binary_cross_entropy(scores['target'][1], 1)
            ) / 2
        now, before, flow, _ = sides['target']
        terms[f'loss_itc{suffix}'] = loss_itc(now[suffix], before[suffix], flow)
        pairs = list(zip(members['sta' + suffix].parameters(), members['sa' + suffix].parameters()))
        cosine = sum((a * b).sum() / (a.norm() * b.norm()) for a, b in pairs) / len(pairs)
        terms['loss_wd'] = terms['loss_wd'] + cosine + 1
    return terms


def model_and_terms(**overrides):
    torch.manual_seed(4)
    model = ready(tiny_davsn(**overrides))
    with torch.no_grad():
        model.segmentor.sf_layer.weight.add_(0.3 * torch.randn_like(model.segmentor.sf_layer.weight))
    other = deepcopy(model)
    return model, other, davsn_terms(other, two_frame_batch(frames=2))


def test_logged_terms():
    model, _, expected = model_and_terms()
    logged = model.train_step(two_frame_batch(frames=2), optimizers(model))
    assert terms_of(logged).keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            logged[name], value.detach(), rtol=5e-4, atol=1e-6, msg=lambda m, n=name: f'{n}: {m}'
        )


def test_one_step():
    model, other, terms = model_and_terms(**WEIGHTS)
    adversarial = sum(
        weight * (terms[f'loss_adv_sta{suffix}'] + 0.7 * terms[f'loss_adv_sa{suffix}'])
        for suffix, weight in (('', 1), ('_aux', 0.4))
    )
    consistency = terms['loss_itc'] + terms['loss_itc_aux']
    total = terms['loss_seg'] + 0.3 * terms['loss_seg_aux'] + 0.5 * (adversarial + consistency)
    total_dis = sum(value for name, value in terms.items() if 'loss_dis' in name) + 0.5 * 0.6 * terms['loss_wd']
    expected = state_of(other)
    for network, loss in (('segmentor', total), ('discriminator', total_dis)):
        named = dict(getattr(other, network).named_parameters())
        gradients = torch.autograd.grad(loss, list(named.values()), retain_graph=True)
        for (name, parameter), gradient in zip(named.items(), gradients):
            expected[f'{network}.{name}'] = parameter.detach() - LR * gradient
    before = state_of(model)
    model.train_step(two_frame_batch(frames=2), optimizers(model, lr=LR))
    for name, value in state_of(model).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6, msg=lambda m, n=name: f'{n}: {m}')
    assert not torch.equal(model.segmentor.sf_layer.weight, before['segmentor.sf_layer.weight'])


def test_the_current_frame_moves_the_running_statistics_before_the_previous_one():
    model = tiny_davsn().train()
    network, batch = deepcopy(model.segmentor), two_frame_batch(frames=2)
    for domain in ('source', 'target'):
        for frame in reversed(frames_of(batch, domain)):
            network.extract_feat(normalised(frame))
    model.train_step(batch, optimizers(model))
    for name in ('running_mean', 'running_var'):
        torch.testing.assert_close(getattr(model.segmentor.backbone.norm, name), getattr(network.backbone.norm, name))


def test_discriminators_that_point_alike_are_pushed_apart():
    model = tiny_davsn()
    members = model.discriminator.members
    for suffix in ('', '_aux'):
        members[f'sa{suffix}'].load_state_dict(members[f'sta{suffix}'].state_dict())
    torch.testing.assert_close(model.loss_wd(), torch.tensor(4.0))
    with torch.no_grad():
        for parameter in (*members['sa'].parameters(), *members['sa_aux'].parameters()):
            parameter.neg_()
    torch.testing.assert_close(model.loss_wd(), torch.tensor(0.0), atol=1e-5, rtol=0)


def test_consistency_of_a_pattern_that_moves():
    """One frame later everything is 2 pixels to the right: the current-to-previous flow is -2, and nothing is lost."""
    torch.manual_seed(0)
    previous = 4 * torch.randn(1, 3, 5, 9)
    flow = torch.tensor([-2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 5, 9)
    current = previous.roll(2, dims=3)
    unsure = current / 3  # the same order of classes, less certain
    loss = intra_domain_consistency(unsure.requires_grad_(), previous, flow)
    difference = (unsure.softmax(1) - current.softmax(1)).abs()[..., 2:]
    torch.testing.assert_close(loss, difference.sum() / (3 * 5 * 9))
    loss.backward()
    assert not unsure.grad[..., :2].any()  # nothing lands there
    assert intra_domain_consistency(4 * current, previous, flow) == 0  # nothing is more certain


def test_wrong_members_are_named():
    judge = dict(type='FCDiscriminator', in_channels=6, base_channels=2)
    with pytest.raises(ValueError, match=r"judges \['main'\], but DAVSN predicts .*'sta_aux'"):
        tiny_davsn(discriminator=judge)
    narrow = dict.fromkeys(('sta', 'sta_aux', 'sa', 'sa_aux'), judge | dict(in_channels=3))
    with pytest.raises(ValueError, match='in_channels is 3, but it judges 6 channels'):
        tiny_davsn(discriminator=dict(type='DiscriminatorSet', **narrow))
