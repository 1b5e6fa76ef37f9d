"""The folder of the flow cache, and its files."""

import json

import numpy as np
import pytest
from helpers import TinyFlow

from i2vda_mmseg.flow import FlowCache
from i2vda_mmseg.flow.packed import read_packed

ONLINE = dict(type=TinyFlow.__name__, gain=3.0)
SIZE = (6, 9)
KEYS = [('a/0.png', 'a/1.png'), ('a/1.png', 'a/0.png')]
STEP = 1 / 128 + 1e-6


def field(seed, size=SIZE):
    return np.random.default_rng(seed).normal(0, 9, (*size, 2)).astype(np.float32)


@pytest.fixture
def cache(tmp_path):
    cache = FlowCache.create(tmp_path / 'cache', ONLINE, SIZE)
    for seed, key in enumerate(KEYS):
        cache.write(*key, field(seed))
    return cache


@pytest.mark.parametrize('key', ['../a.png', 'a/../../b.png', '/etc/a.png', '', 'a\\b.png', 'a\0.png'])
def test_keys_cannot_leave_the_cache(cache, key):
    for pair in ((key, 'b.png'), ('b.png', key)):
        with pytest.raises(ValueError, match='must be a path below the data root'):
            cache.write(*pair, field(0))
        with pytest.raises(ValueError, match='must be a path below the data root'):
            cache.read(*pair)


def test_frames_of_one_name_in_several_folders_have_files_of_their_own(cache):
    pairs = [('a/0.png', 'b/0.png'), ('a/0.png', 'c/0.png'), ('a/0.jpg', 'c/0.png'), ('0.png', 'c/0.png')]
    assert len({cache.path(*pair) for pair in pairs}) == 4


@pytest.mark.parametrize('bad', [np.nan, np.inf, 512.0, -513.0])
def test_flow_that_does_not_fit_is_not_written(cache, bad):
    flow = field(0)
    flow[2, 3, 1] = bad
    with pytest.raises(ValueError, match=r'Cannot write .*_to_.*: the flow'):
        cache.write('d/0.png', 'd/1.png', flow)
    with pytest.raises(ValueError, match=r'6x9 \(H x W\), but got an array of the shape \(9, 6, 2\)'):
        cache.write('d/0.png', 'd/1.png', field(0, (9, 6)))
    assert not cache.holds('d/0.png', 'd/1.png')


def test_a_write_that_fails_leaves_the_old_file_and_no_other(cache, monkeypatch):
    before = sorted(cache.root.rglob('*'))
    monkeypatch.setattr('os.fsync', lambda _: (_ for _ in ()).throw(OSError('disk full')))
    with pytest.raises(OSError, match='disk full'):
        cache.write(*KEYS[0], field(5))
    assert sorted(cache.root.rglob('*')) == before
    np.testing.assert_allclose(cache.read(*KEYS[0]), field(0), atol=STEP, rtol=0)


def test_extreme_values_survive(cache):
    flow = np.zeros((*SIZE, 2))
    flow[::2, ::2] = -512
    flow[1::2] = 32767 / 64
    cache.write(*KEYS[0], flow)
    np.testing.assert_array_equal(cache.read(*KEYS[0]), flow)


@pytest.mark.parametrize('noise', [0.05, 0.5])
def test_a_field_of_full_size_takes_less_than_two_megabytes(tmp_path, noise):
    y, x = np.mgrid[:512, :1024]
    flow = np.stack([20 * np.sin(x / 150) + y / 40, 8 * np.cos(y / 90) + x / 200], axis=-1)
    flow += np.random.default_rng(0).normal(0, noise, flow.shape)
    cache = FlowCache.create(tmp_path, ONLINE, (512, 1024))
    size = cache.write(*KEYS[0], flow)
    assert size == cache.check(*KEYS[0]) == cache.path(*KEYS[0]).stat().st_size < 1.2e6
    assert np.abs(cache.read(*KEYS[0]) - flow).max() <= STEP


def test_the_cache_says_what_it_is(cache):
    said = json.loads((cache.root / 'cache.json').read_text())
    assert (said['size'], said['scale'], said['version']) == ([6, 9], 64, 1)
    assert said['estimator'] == dict(type='TinyFlow', gain=3.0)
    header = read_packed(cache.path(*KEYS[0]))[1]
    assert (header.id_a, header.id_b, header.height, header.width, header.scale) == (*KEYS[0], 6, 9, 64)
    assert header.estimator == said['fingerprint'] == cache.fingerprint
    assert header.direction.startswith('from id_a to id_b, on the grid of id_a')
