"""QuadMix: a whole step against its parts composed by hand, what is pasted where, and a stop in the middle."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from equations import normalised
from helpers import optimizers, sharpen, warp_reference
from mmseg.registry import HOOKS
from two_frame import CALM, enlarged, frames_of, fused, tiny_quadmix, two_frame_batch

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors.labelled_pairs import LabelledPairs

SEED, LR = 11, 0.05
WEIGHTS = dict(
    loss_seg=1, loss_seg_aux=0.1, loss_mix_source=1, loss_tps=0.2, loss_tps_aux=0.02, loss_mix_target=0.2, loss_mmd=0.01
)


def built(**options):
    torch.manual_seed(0)
    model = sharpen(tiny_quadmix(**options), 60.0)
    with torch.no_grad():
        model.proxy.sf_layer.weight.add_(0.1 * torch.randn_like(model.proxy.sf_layer.weight))
    return model.train()


def batch(seed=0):
    return two_frame_batch(seed, size=3, patches=True)


def nearest(labels, size):
    return F.interpolate(labels[:, None].double(), size, mode='nearest')[:, 0].long()


def scaled(flow, size):
    ratio = torch.tensor([(size[1] - 1) / (flow.shape[3] - 1), (size[0] - 1) / (flow.shape[2] - 1)])
    return enlarged(flow, size) * ratio.view(2, 1, 1)


def cross_entropy(logits, labels):
    return F.cross_entropy(enlarged(logits, labels.shape[1:]), labels, ignore_index=255)


def chosen(labels, numbers, always, number=1):
    """Pixels (H, W) of the classes that one image gives."""
    classes = set(labels.flatten().tolist()) - {255}
    others = sorted(classes - set(always), key=lambda c: numbers[c])[:number]
    return sum((labels == c for c in [*others, *(classes & set(always))]), torch.zeros_like(labels, dtype=torch.bool))


def over(mask, upper, lower):
    return [torch.where(mask, a, b) for a, b in zip(upper, lower)]


def source_cut(pair, labels, data):
    """What is cut out of the source for each sample: frames and flow, labels, and where."""
    patches = torch.stack(data['patches']['inputs']).to(torch.get_default_dtype()).flip(1)
    rare = torch.stack([sample.gt_sem_seg.data[0] for sample in data['patches']['data_samples']])
    numbers, cuts = torch.rand(3, 256), []
    for n in range(3):
        mask = chosen(labels[n - 1], numbers[n], always=[2])
        parts = [part[n - 1] for part in pair]
        patch = normalised(patches[n : n + 1])[0]
        is_rare = rare[n] != 255
        parts = over(is_rare, [patch, patch, torch.zeros_like(parts[2])], parts)
        cuts.append((*parts, torch.where(is_rare, rare[n], labels[n - 1]), mask | is_rare))
    return [torch.stack(each) for each in zip(*cuts)]


def discrepancy(ours, theirs, labels_of_ours, labels_of_theirs):
    def mean_logits(logits, labels, c):
        small = nearest(labels, logits.shape[2:])
        return logits.movedim(1, 3)[small == c].mean(0)

    both = [c for c in range(3) if all((nearest(x, (8, 12)) == c).any() for x in (labels_of_ours, labels_of_theirs))]
    assert len(both) == 3
    x = torch.stack([mean_logits(ours, labels_of_ours, c) for c in both])
    y = torch.stack([mean_logits(theirs, labels_of_theirs, c) for c in both]).detach()
    rows = torch.cat((x, y))
    distances = torch.stack([torch.stack([((a - b) ** 2).sum() for b in rows]) for a in rows])
    width = distances.detach().sum() / (6 * 5)
    kernel = sum(torch.exp(-distances / (width * 2.0**k)) for k in (-2, -1, 0, 1, 2))
    return (kernel[:3, :3] + kernel[3:, 3:] - kernel[:3, 3:] - kernel[3:, :3]).mean()


def teacher_probs(model, data, flow_21):
    """Mirrored frames b and a through M', mirrored back and moved to d: of both heads."""
    first, second = torch.stack(data['target']['inputs'])[:, :2].to(torch.get_default_dtype()).flip(2).unbind(1)
    flow = model.flow_estimator(second, first)
    mirrored = torch.stack((-flow[:, 0], flow[:, 1]), 1).flip(3)
    with torch.no_grad():
        levels = fused(model.proxy, normalised(second.flip(3)), normalised(first.flip(3)), mirrored)
    probs = [logits.softmax(1).flip(3) for logits in levels]
    return [torch.from_numpy(warp_reference(x.numpy(), scaled(flow_21, x.shape[2:]).numpy())) for x in probs]


def reference(model, data):
    torch.manual_seed(SEED)
    network = model.segmentor
    source = frames_of(data, 'source', model.flow_estimator)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data['source']['data_samples']])
    main, aux = fused(network, *source)
    terms = dict(loss_seg=cross_entropy(main, labels), loss_seg_aux=cross_entropy(aux, labels))

    *cut, cut_labels, mask = source_cut(source, labels, data)
    pair = over(mask[:, None], cut, source)
    mixed_labels = torch.where(mask, cut_labels, labels)
    theirs = fused(network, *pair)[0]
    terms['loss_mix_source'] = cross_entropy(theirs, mixed_labels)

    torch.rand(2, dtype=torch.float64)  # always mirrored, always 1.5 times as large
    target = frames_of(data, 'target', model.flow_estimator)
    moved = teacher_probs(model, data, target[2])
    size = target[0].shape[2:]
    top, pseudo = enlarged(moved[0], size).max(1)
    sure, numbers = torch.where(top > 0.4, pseudo, 255), torch.rand(3, 256)
    template = torch.stack([chosen(sure[n - 1], numbers[n], always=[]) for n in range(3)])
    assert 0.01 < float(template.double().mean()) < 0.95
    below = over(template[:, None], [part.roll(1, 0) for part in target], target)
    below_labels = torch.where(template, sure.roll(1, 0), pseudo)
    large = [enlarged(cut[0], size), enlarged(cut[1], size), scaled(cut[2], size)]
    large_labels, large_mask = nearest(cut_labels, size), nearest(mask.long(), size) == 1
    final_labels = torch.where(large_mask, large_labels, below_labels)
    ours = fused(network, *over(large_mask[:, None], large, below))[0]
    terms['loss_mix_target'] = cross_entropy(ours, final_labels)
    terms['loss_mmd'] = discrepancy(ours, theirs, final_labels, mixed_labels)

    student = [enlarged(target[0], (48, 72)), enlarged(target[1], (48, 72)), scaled(target[2], (48, 72))]
    for name, logits, probs in zip(('loss_tps', 'loss_tps_aux'), fused(network, *student), moved):
        terms[name] = cross_entropy(logits, probs.argmax(1))
    return terms, (top >= 0.4).double().mean()


def test_one_step(monkeypatch):
    monkeypatch.setattr(torch.Tensor, 'float', torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    try:
        model = built(augmentation=CALM, flip_prob=1.0, scales=(1.5, 1.5))
        other = deepcopy(model)
        terms, quality = reference(other, batch())
        named = dict(other.segmentor.named_parameters())
        total = sum(WEIGHTS[name] * value for name, value in terms.items())
        gradients = torch.autograd.grad(total, list(named.values()))
        torch.manual_seed(SEED)
        logged = model.train_step(batch(), optimizers(model, lr=LR))
    finally:
        torch.set_default_dtype(torch.float32)
    assert terms.keys() == WEIGHTS.keys()
    for name, value in terms.items():
        torch.testing.assert_close(logged[name], value.detach(), rtol=0, atol=1e-8, msg=name)
    assert terms['loss_mmd'] > 0.01
    torch.testing.assert_close(logged['pseudo_label_quality'], quality)
    for (name, old), gradient in zip(named.items(), gradients):
        new = model.segmentor.get_parameter(name)
        torch.testing.assert_close(new, old.detach() - LR * gradient, rtol=0, atol=1e-8, msg=name)
    assert not torch.equal(model.segmentor.sf_layer.weight, other.segmentor.sf_layer.weight)


def test_pieces_are_at_the_same_places_of_both_frames_flow_and_labels():
    below = LabelledPairs(torch.full((2, 8, 6, 10), 2.0), torch.full((2, 6, 10), 7))
    pieces = LabelledPairs(torch.full((2, 8, 6, 10), 1.0), torch.randint(0, 4, (2, 6, 10)))
    is_cut = pieces.labels > 1
    pair = below.under(pieces.cut(is_cut))
    assert all(torch.equal(pair.images[:, channel] == 1, is_cut) for channel in range(8))
    assert torch.equal(pair.labels, torch.where(is_cut, pieces.labels, 7))


def test_pieces_are_brought_to_the_size_of_what_they_are_laid_over():
    below = LabelledPairs(torch.zeros(1, 8, 5, 9), torch.zeros(1, 5, 9, dtype=torch.int64))
    pieces = LabelledPairs(torch.ones(1, 8, 9, 25), torch.full((1, 9, 25), 3))
    pair = below.under(pieces.cut(torch.arange(25).expand(1, 9, 25) < 12))
    expected = torch.arange(9) < 5
    assert torch.equal(pair.labels[0, 2] == 3, expected)
    for channel, value in enumerate([1.0] * 6 + [8 / 24, 4 / 8]):  # a flow's vectors shrink with the picture
        torch.testing.assert_close(pair.images[0, channel, 2], value * expected)


def test_without_patches_only_classes_are_pasted():
    model = built()
    source = LabelledPairs(torch.rand(3, 8, 6, 10), torch.randint(0, 3, (3, 6, 10)))
    pieces = model.source_pieces(source, None)
    assert torch.equal(pieces.images, source.images[[2, 0, 1]])
    for n in range(3):
        classes = set(pieces.labels[n].flatten().tolist()) - {255}
        assert len(classes) == 2
        assert 2 in classes
        assert torch.equal(pieces.labels[n] != 255, torch.isin(source.labels[n - 1], torch.tensor(sorted(classes))))


def test_stopped_and_resumed_it_goes_on_bit_for_bit():
    hook = HOOKS.build(dict(type='ProxyCopyHook', interval=3, launch=0))

    def run(model, steps, iterations):
        for i in iterations:
            hook.before_train_iter(type('Runner', (), dict(model=model, iter=i)), i)
            torch.manual_seed(i)
            model.train_step(batch(i), steps)

    def started():
        model = built(batch_statistics='target')
        return model, optimizers(model, optimizer=dict(type='SGD', lr=0.02, momentum=0.9))

    whole, steps = started()
    run(whole, steps, range(2))
    kept, state = deepcopy(whole.state_dict()), deepcopy(steps.state_dict())
    run(whole, steps, range(2, 4))
    resumed, steps = started()
    resumed.load_state_dict(kept, strict=True)
    steps.load_state_dict(state)
    run(resumed, steps, range(2, 4))
    first, second = whole.state_dict(), resumed.state_dict()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert not torch.equal(first['proxy.sf_layer.weight'], kept['proxy.sf_layer.weight'])


def test_a_batch_of_one_and_classes_that_are_none_are_refused():
    model = built()
    with pytest.raises(ConfigError, match=r'train_dataloader\.batch_size: QuadMix mixes samples of one batch'):
        model.train_step(two_frame_batch(size=1), optimizers(model))
    with pytest.raises(ConfigError, match=r'model\.pasted_classes: \[3\] are no indices of the 3 classes'):
        tiny_quadmix(pasted_classes=[0, 3])
