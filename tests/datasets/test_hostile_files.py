"""Files that would run code if they were unpickled, and keys that would leave their folder: nothing runs."""

import json
import os
import pickle

import numpy as np
import pytest
from mutable_files import SIZE

from i2vda_mmseg.datasets import LoadImage, LoadRawLabels
from i2vda_mmseg.fileio.pseudo_labels import read_labels, read_rare_classes, read_soft_labels
from i2vda_mmseg.flow import CachedFlow, FlowCache, read_flow


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def bomb(tmp_path):
    """A bomb and, when the test has passed, the certainty that it did not go off."""
    assert pickle.loads(pickle.dumps(Bomb(tmp_path / 'proof'))) is None
    assert (tmp_path / 'proof').is_dir()
    yield Bomb(tmp_path / 'crater')
    assert not (tmp_path / 'crater').exists()


@pytest.mark.parametrize('suffix', ['.npy', '.flo', '.png', '.i2vflow'])
def test_pickles_as_flow(tmp_path, bomb, suffix):
    path = tmp_path / f'a{suffix}'
    for content in (pickle.dumps(bomb), object_array(tmp_path, bomb)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf'a\{suffix} '):
            read_flow(path)


def object_array(tmp_path, bomb):
    np.save(tmp_path / 'objects.npy', np.array([bomb], object), allow_pickle=True)
    return (tmp_path / 'objects.npy').read_bytes()


def test_a_pickle_in_a_flow_cache(tmp_path, bomb):
    cache = FlowCache.create(tmp_path / 'cache', dict(type='DISFlow'), SIZE)
    cache.path('0.png', '1.png').write_bytes(pickle.dumps(bomb))
    with pytest.raises(ValueError, match=r'0_to_1\..*i2vflow is (truncated|no file of a flow cache)'):
        cache.read('0.png', '1.png')
    (tmp_path / 'cache/cache.json').write_bytes(pickle.dumps(bomb))
    with pytest.raises(ValueError, match=r'cache\.json is damaged'):
        CachedFlow(str(tmp_path / 'cache'))


def test_pickles_as_pseudo_labels(tmp_path, bomb):
    for content in (pickle.dumps(bomb), object_array(tmp_path, bomb)):
        (tmp_path / 'a.png').write_bytes(content)
        (tmp_path / 'a.npz').write_bytes(content)
        with pytest.raises(ValueError, match=r'a\.png cannot be decoded'):
            read_labels(str(tmp_path / 'a.png'))
        with pytest.raises(ValueError, match=r'a\.npz cannot be decoded'):
            read_soft_labels(str(tmp_path / 'a.png'))
    np.savez(tmp_path / 'a.npz', soft_label=np.array([bomb], object))
    with pytest.raises(ValueError, match=r'a\.npz cannot be decoded: Object arrays cannot be loaded'):
        read_soft_labels(str(tmp_path / 'a.png'))
    (tmp_path / 'rare_classes.json').write_bytes(pickle.dumps(bomb))
    with pytest.raises(ValueError, match=r'rare_classes\.json'):
        read_rare_classes(str(tmp_path))


@pytest.mark.parametrize('load', [LoadImage(), LoadRawLabels()])
def test_pickles_as_pictures(tmp_path, bomb, load):
    (tmp_path / 'a.png').write_bytes(pickle.dumps(bomb))
    path = str(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png cannot be decoded'):
        load({'img_path': path, 'seg_map_path': path, 'label_map': {0: 0}})


@pytest.mark.parametrize('key', ['../../etc/a.png', '/etc/a.png', 'a/../../b.png', 'a\0.png', 'a\\b.png', ''])
def test_keys_cannot_leave_the_cache(tmp_path, key):
    cache = FlowCache.create(tmp_path / 'cache', dict(type='DISFlow'), SIZE)
    for keys in ((key, '1.png'), ('0.png', key)):
        with pytest.raises(ValueError, match='is no key of a flow cache: it must be a path below the data root'):
            cache.read(*keys)


def test_flow_files_that_lie_about_their_size(tmp_path):
    header = {'descr': '<i2', 'fortran_order': False, 'shape': (1 << 20, 1 << 20, 2)}
    with (tmp_path / 'a.npy').open('wb') as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(64))
    with pytest.raises(ValueError, match=r'a\.npy cannot be read as a NumPy array'):
        read_flow(tmp_path / 'a.npy')
    np.save(tmp_path / 'b.npy', np.zeros((4, 6, 2), np.int16))
    (tmp_path / 'b.npy').write_bytes((tmp_path / 'b.npy').read_bytes() + b'more')
    with pytest.raises(ValueError, match=r'b\.npy .* does not fit the length of the file'):
        read_flow(tmp_path / 'b.npy')


def test_a_manifest_without_its_fields(tmp_path):
    FlowCache.create(tmp_path, dict(type='DISFlow'), SIZE)
    for content in ('[]', '{', json.dumps({'version': 1})):
        (tmp_path / 'cache.json').write_text(content)
        with pytest.raises(ValueError, match=r'cache\.json is damaged'):
            FlowCache(tmp_path)
