"""CMOM: a whole step against its formulas, what is mixed, and a stop in the middle."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import optimizers, sharpen, warp_reference
from mmseg.registry import HOOKS
from two_frame import enlarged, frames_of, fused, tiny_cmom, two_frame_batch

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors import proxy
from i2vda_mmseg.models.segmentors.labelled_pairs import LabelledPairs

SEED, LR = 11, 0.05
REFINEMENT = dict(type='PseudoLabelRefinement', flow_estimator=dict(type='TinyFlow'), mode='consistency')


def built(**options):
    torch.manual_seed(0)
    model = sharpen(tiny_cmom(**options), 60.0)
    with torch.no_grad():
        model.proxy.sf_layer.weight.add_(0.1 * torch.randn_like(model.proxy.sf_layer.weight))
        model.thresholds.fill_(0.6)
    return model.train()


def batch(seed=0):
    return two_frame_batch(seed, frames=2)


def learnt(network, pair, labels):
    main, aux = (enlarged(logits, labels.shape[1:]) for logits in fused(network, *pair))
    return F.cross_entropy(main, labels, ignore_index=255) + 0.1 * F.cross_entropy(aux, labels, ignore_index=255)


def pseudo_labels(model, pair):
    with torch.no_grad():
        logits = fused(model.proxy, *pair)[0]
    probs = enlarged(logits, pair[0].shape[2:]).softmax(1)
    top, labels = probs.max(1)
    start, thresholds = model.thresholds.tolist(), []
    for c, w in enumerate(start):
        values = np.append(top[labels == c].numpy(), w)
        found = np.percentile(values, 100 * (1 - 0.2 * w**8))
        thresholds.append(min(0.9 * w + 0.1 * found, 0.999))
    limits = torch.tensor(thresholds)
    return torch.where(top < limits[labels], 255, labels), limits


def coarse(labels, size):
    return F.interpolate(labels[:, None].double(), size, mode='nearest')[:, 0].long()


def source_prototypes(network, pair, labels):
    """Mean features of what is predicted correctly, by class: a list over the images."""
    with torch.no_grad():
        features, logits = network.backbone(pair[0])[0], fused(network, *pair)[0]
    small, found = coarse(labels, features.shape[2:]), {c: [] for c in range(3)}
    for n in range(2):
        for c, kept in found.items():
            is_right = (small[n] == c) & (logits[n].argmax(0) == c)
            if is_right.any():
                kept.append(features[n][:, is_right].mean(1))
    return found


def confirmed(network, pair, labels):
    """Labels at the size of the logits, where the prediction of the frame before, moved along the flow, is the same."""
    with torch.no_grad():
        probs = network.decode_head(network.backbone(pair[1])).softmax(1)
    size = probs.shape[2:]
    scale = torch.tensor([(size[1] - 1) / (pair[2].shape[3] - 1), (size[0] - 1) / (pair[2].shape[2] - 1)])
    flow = enlarged(pair[2], size) * scale.view(2, 1, 1)
    moved = torch.from_numpy(warp_reference(probs.numpy(), flow.numpy())).argmax(1)
    small = coarse(labels, size)
    return torch.where(moved == small, small, 255)


def alignment(features, labels, prototypes):
    """Mean distance of the stuff classes 0 and 2, and of the thing 1, from the nearest prototype."""
    distances = {}
    for c in range(3):
        if (labels == c).any() and prototypes[c]:
            mean = features.movedim(1, 3)[labels == c].mean(0)
            distances[c] = min((mean - each).abs().mean() for each in prototypes[c])
    stuff = [distances[c] for c in (0, 2) if c in distances]
    return sum(stuff) / len(stuff), distances[1]


def reference(model, data):
    torch.manual_seed(SEED)
    source = frames_of(data, 'source', model.flow_estimator)
    target = frames_of(data, 'target', model.flow_estimator)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data['source']['data_samples']])
    total = learnt(model.segmentor, source, labels)
    pseudo, limits = pseudo_labels(model, target)
    if model.stuff_classes is not None:
        prototypes = source_prototypes(model.segmentor, source, labels)
    size = target[0].shape[2:]
    scale = torch.tensor([(size[1] - 1) / 39, (size[0] - 1) / 31]).view(2, 1, 1)
    large = [enlarged(source[0], size), enlarged(source[1], size), enlarged(source[2], size) * scale]
    large_labels = F.interpolate(labels[:, None].double(), size, mode='nearest')[:, 0].long()
    numbers, masks = torch.rand(2, 256), []
    for n in range(2):
        classes = [c for c in large_labels[n].unique().tolist() if c != 255]
        chosen = sorted(classes, key=lambda c: numbers[n, c])[: round(0.75 * len(classes))]
        masks.append(sum(large_labels[n] == c for c in chosen).bool())
    mask = torch.stack(masks)
    pair = [torch.where(mask[:, None], ours, theirs) for ours, theirs in zip(large, target)]
    total = total + learnt(model.segmentor, pair, torch.where(mask, large_labels, pseudo))
    if model.stuff_classes is not None:
        known = confirmed(model.proxy, target, torch.where(mask, 255, pseudo))
        total = total + 0.01 * sum(alignment(model.segmentor.backbone(pair[0])[0], known, prototypes))
    return total, pseudo, limits


@pytest.mark.parametrize('stuff', [None, [0, 2]])
def test_one_step(monkeypatch, stuff):
    monkeypatch.setattr(torch.Tensor, 'float', torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    try:
        model = built(stuff_classes=stuff)
        other = deepcopy(model)
        loss, pseudo, limits = reference(other, batch())
        named = dict(other.segmentor.named_parameters())
        gradients = torch.autograd.grad(loss, list(named.values()))
        torch.manual_seed(SEED)
        logged = model.train_step(batch(), optimizers(model, lr=LR))
    finally:
        torch.set_default_dtype(torch.float32)
    weights = dict(loss_seg=1, loss_seg_aux=0.1, loss_mix=1, loss_mix_aux=0.1)
    if stuff is not None:
        weights.update(loss_stuff=0.01, loss_things=0.01)
        assert min(logged['loss_stuff'], logged['loss_things']) > 0.01
    total = sum(weight * logged[name] for name, weight in weights.items())
    torch.testing.assert_close(total, loss.detach(), rtol=0, atol=1e-8)
    torch.testing.assert_close(model.thresholds, limits, rtol=0, atol=1e-8)
    torch.testing.assert_close(logged['pseudo_label_ratio'], (pseudo != 255).double().mean())
    assert 0.1 < float(logged['pseudo_label_ratio']) < 0.9
    for (name, old), gradient in zip(named.items(), gradients):
        new = model.segmentor.get_parameter(name)
        torch.testing.assert_close(new, old.detach() - LR * gradient, rtol=0, atol=1e-8, msg=name)
    assert not torch.equal(model.segmentor.sf_layer.weight, other.segmentor.sf_layer.weight)


def test_both_frames_flow_and_labels_are_cut_at_the_same_places():
    model = built(share=0.5)
    source, target = torch.full((2, 8, 6, 10), 1.0), torch.full((2, 8, 6, 10), 2.0)
    labels = torch.randint(0, 3, (2, 6, 10))
    below = LabelledPairs(target, torch.full((2, 6, 10), 7))
    pair, mixed = below.under(model.pieces(source, labels))
    taken = pair[:, 0] == 1
    assert all(torch.equal(pair[:, channel] == 1, taken) for channel in range(8))
    assert torch.equal(mixed != 7, taken)
    assert torch.equal(mixed[taken], labels[taken])
    assert all(len(labels[n][taken[n]].unique()) == 2 for n in range(2))  # half of three


def test_what_the_frame_before_does_not_confirm_is_not_learnt():
    model, plain = built(refinement=REFINEMENT), built()
    target = model.data_preprocessor(batch(), training=True)['target']
    frames = model.two_frame_input(target['frames'])
    refined, labels = (each.pseudo_labels(each.proxy(frames, mode='tensor'), frames, target) for each in (model, plain))
    kept = refined != 255
    assert 0 < int(kept.sum()) < int((labels != 255).sum())
    assert torch.equal(refined[kept], labels[kept])
    assert not [key for key in model.state_dict() if 'refinement' in key]


def test_stopped_and_resumed_it_goes_on_bit_for_bit():
    hook = HOOKS.build(dict(type='ProxyEMAHook', momentum=0.9))

    def run(model, steps, iterations):
        for i in iterations:
            hook.before_train_iter(type('Runner', (), dict(model=model, iter=i)), i)
            torch.manual_seed(i)
            model.train_step(batch(i), steps)

    whole = built(batch_statistics='target', stuff_classes=[1], num_prototypes=3)
    steps = optimizers(whole, optimizer=dict(type='SGD', lr=0.02, momentum=0.9))
    run(whole, steps, range(2))
    kept, state = deepcopy(whole.state_dict()), deepcopy(steps.state_dict())
    run(whole, steps, range(2, 4))
    resumed = built(batch_statistics='target', stuff_classes=[1], num_prototypes=3)
    with torch.no_grad():
        resumed.thresholds.fill_(0.1)
    steps = optimizers(resumed, optimizer=dict(type='SGD', lr=0.02, momentum=0.9))
    resumed.load_state_dict(kept, strict=True)
    steps.load_state_dict(state)
    run(resumed, steps, range(2, 4))
    first, second = whole.state_dict(), resumed.state_dict()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert not torch.equal(first['thresholds'], kept['thresholds'])
    assert not torch.equal(first['alignment.prototypes'], kept['alignment.prototypes'])


def test_a_run_from_nothing_says_so(monkeypatch):
    said = []
    monkeypatch.setattr(proxy, 'print_log', lambda text, **_: said.append(text))
    model = built()
    with pytest.raises(ConfigError, match='which no hook of the run renews'):
        model.check_run()
    model.renewed_by = 'ProxyEMAHook'
    model.check_run()
    assert said == []
    model.renewed_by = 'ProxyCopyHook'
    model.check_run()
    assert len(said) == 1
    assert 'has learnt nothing in this run; start from a checkpoint of DA-VSN, --cfg' in said[0]
    model.load_state_dict(model.state_dict())
    model.check_run()
    assert len(said) == 1
