"""Flow that was estimated before the training."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import TinyFlow, batch_of, ready, tiny_i2vda
from mmseg.registry import MODELS

from i2vda_mmseg.flow import CachedFlow, FlowCache
from i2vda_mmseg.flow.fingerprint import describe_estimator, fingerprint

ONLINE = dict(type='TinyFlow', gain=3.0)
SIZE = (6, 9)
KEYS = [('a/0.png', 'a/1.png'), ('a/1.png', 'a/0.png'), ('b/0.png', 'b/1.png')]
STEP = 1 / 128 + 1e-6


def field(seed, size=SIZE):
    return np.random.default_rng(seed).normal(0, 9, (*size, 2)).astype(np.float32)


def frames(batch, size=SIZE):
    return [255 * torch.rand(batch, 3, *size) for _ in range(2)]


@pytest.fixture
def cache(tmp_path):
    cache = FlowCache.create(tmp_path / 'cache', ONLINE, SIZE)
    for seed, key in enumerate(KEYS):
        cache.write(*key, field(seed))
    return cache


def served(estimator, keys, size=SIZE):
    return estimator(*frames(len(keys), size), keys)


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1), (1, 1), (2,)])
def test_serves_each_sample_its_own_flow_and_direction(cache, order):
    flow = served(CachedFlow(str(cache.root)), [KEYS[i] for i in order])
    assert flow.dtype == torch.float32
    expected = np.stack([field(i) for i in order]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(flow.numpy(), expected, atol=STEP, rtol=0)


def test_what_is_missing_is_estimated_online(cache):
    estimator = CachedFlow(str(cache.root), online=ONLINE)
    keys = [('new', 'pair'), KEYS[2], ('b/1.png', 'b/0.png')]
    frame_a, frame_b = frames(3)
    flow = estimator(frame_a, frame_b, keys)
    alone = TinyFlow(gain=3.0)(frame_a, frame_b)
    assert torch.equal(flow[[0, 2]], alone[[0, 2]])
    np.testing.assert_allclose(flow[1].permute(1, 2, 0).numpy(), field(2), atol=STEP, rtol=0)
    assert estimator.online.calls[-1] == ((2, 3, *SIZE), [keys[0], keys[2]])
    assert torch.equal(estimator(frame_a, frame_b), alone)  # Eq. 5: no keys
    served(estimator, KEYS)
    assert len(estimator.online.calls) == 2
    assert not any(parameter.requires_grad for parameter in estimator.parameters())


def test_without_an_online_estimator_what_is_missing_is_an_error(cache):
    estimator = CachedFlow(str(cache.root))
    with pytest.raises(FileNotFoundError, match=r'no flow from c/0\.png to c/1\.png; .*online='):
        served(estimator, [('c/0.png', 'c/1.png')])
    with pytest.raises(FileNotFoundError, match=r'from b/1\.png to b/0\.png \(it has the opposite direction\)'):
        served(estimator, [('b/1.png', 'b/0.png')])
    with pytest.raises(ValueError, match=r"give CachedFlow an online= estimator, or set I2VDA's flow_1t='compose'"):
        estimator(*frames(1))
    with pytest.raises(ValueError, match='one key a sample, got 3 for 2 samples'):
        estimator(*frames(2), KEYS)


def test_pairs_of_another_size_that_the_cache_does_not_have_are_estimated_online(cache):
    """Those of the source domain, whose frames need not have the target's size."""
    frame_a, frame_b = frames(2, (5, 12))
    flow = CachedFlow(str(cache.root), ONLINE)(frame_a, frame_b, [('source/0.png', 'source/1.png')] * 2)
    assert torch.equal(flow, TinyFlow(gain=3.0)(frame_a, frame_b))
    with pytest.raises(FileNotFoundError, match=r'no flow from source/0\.png .*online='):
        served(CachedFlow(str(cache.root)), [('source/0.png', 'source/1.png')], size=(5, 12))


@pytest.mark.parametrize('change', [
    lambda frame: frame.flip(2),
    lambda frame: frame.flip(1),
    lambda frame: frame.roll(7, 2),
    lambda frame: F.interpolate(frame[None, :, 4:-4, 4:-4], frame.shape[1:])[0],
    lambda frame: 0.8 * frame,
])  # fmt: skip
def test_flow_of_a_frame_that_looked_otherwise_is_refused_by_name(tmp_path, change):
    size = (40, 72)
    cache = FlowCache.create(tmp_path / 'cache', ONLINE, size)
    frame = 255 * F.interpolate(torch.rand(1, 3, 7, 11), size, mode='bicubic')[0].clamp(0, 1)
    cache.write(*KEYS[0], field(0, size), frame)
    estimator = CachedFlow(str(cache.root), ONLINE)
    another_decoder = (frame + torch.randint(-1, 2, frame.shape)).clamp(0, 255)
    served_flow = estimator(another_decoder[None], frame[None], [KEYS[0]])[0]
    np.testing.assert_allclose(served_flow.permute(1, 2, 0), field(0, size), atol=STEP, rtol=0)
    with pytest.raises(ValueError, match=r'a/0\.png to a/1\.png .* looked otherwise') as refusal:
        estimator(change(frame)[None], frame[None], [KEYS[0]])
    assert str(cache.path(*KEYS[0])) in str(refusal.value)
    assert 'LoadFlow' in str(refusal.value)


@pytest.mark.parametrize('online', [None, ONLINE])
def test_another_size_is_refused(cache, online):
    with pytest.raises(ValueError, match=r'made for frames of 6x9 \(H x W\), not of 9x6'):
        served(CachedFlow(str(cache.root), online), KEYS, size=(9, 6))


def test_another_estimator_is_refused(cache):
    with pytest.raises(ValueError, match=r'by another estimator: gain=3\.0, not 2\.0\.'):
        CachedFlow(str(cache.root), dict(type='TinyFlow'))
    with pytest.raises(ValueError, match='by another estimator: by TinyFlow, not DISFlow'):
        CachedFlow(str(cache.root), dict(type='DISFlow'))
    with pytest.raises(ValueError, match='made for frames of 6x9'):
        FlowCache.create(cache.root, ONLINE, (6, 10))


@pytest.mark.parametrize(('put', 'options', 'key', 'reason'), [
    (KEYS[1], {}, KEYS[0], r'the opposite direction, from a/1\.png to a/0\.png'),
    (KEYS[2], {}, KEYS[0], r'the flow of another pair, from b/0\.png to b/1\.png'),
    (KEYS[0], dict(size=(9, 6)), KEYS[0], r'a flow of 9x6 \(H x W\), not of 6x9'),
    (KEYS[0], dict(estimator=dict(type='DISFlow')), KEYS[0], 'the flow of another estimator'),
])  # fmt: skip
def test_a_file_in_the_wrong_place_is_refused_with_the_reason(cache, tmp_path, put, options, key, reason):
    options = dict(estimator=ONLINE, size=SIZE) | options
    other = FlowCache.create(tmp_path / 'other', **options)
    other.write(*put, field(7, options['size']))
    path = cache.path(*key)
    path.write_bytes(other.path(*put).read_bytes())
    for use in (cache.read, cache.check, lambda *key: served(CachedFlow(str(cache.root), ONLINE), [key])):
        with pytest.raises(ValueError, match=reason) as refusal:
            use(*key)
        assert str(path) in str(refusal.value)


def corruptions(rng, data, others):
    """One random fault of one file: flipped bits, a lost end or middle, a strange end, or another file's contents."""
    kind = rng.choice(['bit', 'bits', 'cut', 'hole', 'more', 'swap', 'zeros'])
    place = rng.randrange(len(data))
    if kind == 'cut':
        return data[:place]
    if kind == 'hole':
        return data[:place] + data[place + rng.randint(1, 20) :]
    if kind == 'more':
        return data + rng.randbytes(rng.randint(1, 20))
    if kind == 'swap':
        return rng.choice(others)
    damaged = bytearray(data)
    if kind == 'zeros':
        damaged[place : place + 16] = bytes(len(damaged[place : place + 16]))
    else:
        for _ in range(1 if kind == 'bit' else rng.randint(2, 30)):
            damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def test_two_hundred_corruptions_are_refused_by_name_or_change_nothing(cache):
    rng = random.Random(0)
    files = sorted(path for path in cache.root.rglob('*') if path.is_file())
    whole = {path: path.read_bytes() for path in files}
    written = [cache.read(*key) for key in KEYS]
    assert len(files) == len(KEYS) + 1
    refused = 0
    for _ in range(200):
        path = rng.choice(files)
        path.write_bytes(corruptions(rng, whole[path], [whole[other] for other in files if other != path]))
        try:
            flow, said = served(CachedFlow(str(cache.root), ONLINE), KEYS), None
        except ValueError as error:
            said = str(error)
        if said is None:
            np.testing.assert_array_equal(flow.permute(0, 2, 3, 1), np.stack(written))
        else:
            refused += 1
            assert str(path) in said
        path.write_bytes(whole[path])
    assert refused > 180


def test_a_folder_that_is_no_cache_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'is no flow cache: it has no cache\.json'):
        CachedFlow(str(tmp_path))


@MODELS.register_module(force=True)
class WeightedFlow(TinyFlow):
    WITHOUT_EFFECT = ('max_batch',)

    def __init__(self, checkpoint=None, max_batch=4, **kwargs):
        super().__init__(**kwargs)


def test_estimators_are_told_apart_by_their_weights_not_by_where_these_lie(tmp_path):
    def told(path, **options):
        return fingerprint(describe_estimator(dict(type='WeightedFlow', checkpoint=path and str(path), **options)))

    for name, data in dict(one=b'1', same=b'1', other=b'2').items():
        (tmp_path / name).write_bytes(data)
    assert told(tmp_path / 'one') == told(tmp_path / 'same', max_batch=1)
    assert len({told(None), told(tmp_path / 'one'), told(tmp_path / 'other'), told(tmp_path / 'one', gain=1.0)}) == 4


def losses_of(model, batch):
    torch.manual_seed(0)
    passes = list(model.segmentor_passes(batch))
    return {f'{i}.{name}': value for i, made in enumerate(passes) for name, value in made.losses.items()}


@pytest.mark.parametrize('flow_1t', ['estimate', 'compose'])
def test_cached_and_online_give_the_same_losses(tmp_path, flow_1t):
    head = dict(type='OcclusionAwarePseudoLabelHead', delta=0.9, eta=50.0)  # no pixel at the edge of Eq. 7
    model = ready(tiny_i2vda(flow_estimator=ONLINE, pseudo_label_head=head, flow_1t=flow_1t))
    batch = batch_of(model, keys=True)
    frame_0, frame_1 = batch['target']['frames'].unbind(1)
    cache = FlowCache.create(tmp_path, ONLINE, frame_0.shape[-2:])
    for i, sample in enumerate(batch['target']['data_samples']):
        first, second = sample.frame_keys
        for key, pair in (((first, second), (frame_0, frame_1)), ((second, first), (frame_1, frame_0))):
            flow = model.flow_estimator(pair[0][i : i + 1], pair[1][i : i + 1])
            cache.write(*key, flow[0].permute(1, 2, 0).numpy())
    online = losses_of(model, batch)
    model.flow_estimator = CachedFlow(str(tmp_path), ONLINE if flow_1t == 'estimate' else None)
    cached = losses_of(model, batch)
    assert online.keys() == cached.keys()
    assert any(name.endswith('loss_tc') for name in online)
    for name, value in online.items():
        torch.testing.assert_close(cached[name], value, atol=1e-3, rtol=0)
    exact, rounded = (made['2.pseudo_label_ratio'].item() for made in (online, cached))
    assert exact > 0.05
    assert rounded == pytest.approx(exact, abs=0.01)


def test_i2vda_asks_for_an_online_estimator_when_it_is_built(cache):
    bare = dict(type='CachedFlow', root=str(cache.root))
    with pytest.raises(ValueError, match=r"online= estimator .* or set flow_1t='compose'"):
        tiny_i2vda(flow_estimator=bare)
    tiny_i2vda(flow_estimator=bare, flow_1t='compose')
    tiny_i2vda(flow_estimator=bare, temporal_augmentation=None)
    tiny_i2vda(flow_estimator=bare, pseudo_label_head=None)
    assert type(tiny_i2vda(flow_estimator=bare | dict(online=ONLINE)).flow_estimator.online).__name__ == 'TinyFlow'
