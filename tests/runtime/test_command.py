"""What the command of exported networks refuses, and where it writes, with a network that is none."""

import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.runtime.card import EXAMPLE
from i2vda_mmseg.runtime.command import main


class Corner:
    """Labels all pixels of a frame by its first value."""

    card, path, runtime = EXAMPLE._replace(outputs=('labels',), test_size=None), 'net.onnx', 'NumPy'

    def __call__(self, batch):
        labels = np.broadcast_to(batch[:, :1, :1, 0], (len(batch), *batch.shape[2:]))
        return {'labels': np.ascontiguousarray(labels)}


@pytest.fixture
def source(tmp_path):
    for value, name in enumerate(('a/0001.png', 'b/0001.png')):
        path = tmp_path / 'in' / name
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((8, 12, 3), value, np.uint8)).save(path)
    return tmp_path / 'in'


def test_masks_of_several_folders_lie_in_folders(source, tmp_path):
    summary = main(['net.onnx', str(source), '--masks', str(tmp_path / 'masks')], lambda *_: Corner())
    assert (summary.frames, summary.clips) == (2, 2)
    found = {str(p.relative_to(tmp_path / 'masks')): np.asarray(Image.open(p)) for p in tmp_path.glob('masks/*/*')}
    assert {name: picture.max() for name, picture in found.items()} == {'a/0001.png': 0, 'b/0001.png': 1}


def test_masks_never_replace_frames(source):
    before = {path: path.read_bytes() for path in source.glob('*/*')}
    with pytest.raises(ValueError, match=r'the mask .*0001\.png would replace a frame of the source'):
        main(['net.onnx', str(source), '--masks', str(source)], lambda *_: Corner())
    assert {path: path.read_bytes() for path in source.glob('*/*')} == before
