import shutil

import cv2
import numpy as np
import pytest

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_TO_15
from i2vda_mmseg.reporting.pairs import LabelledPairs, UnlabelledPairs, pairs_of
from i2vda_mmseg.streetworld import make_streetworld

SCALE = (48, 24)  # width, height


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    return make_streetworld(
        tmp_path_factory.mktemp('pairs') / 'world', clips=0, val_clips=2, images=0, synthia_images=0, frames=3,
        size=(48, 96), progress=False,
    )  # fmt: skip


@pytest.fixture
def config(world, request):
    def load(method):
        config = load_config(str(request.config.rootpath / f'configs/{method}/deeplabv2_r18_streetworld.py'))
        config.val_dataloader.dataset.data_root = str(world / 'cityscapes')
        config.train_dataloader.dataset.target.pipeline[1].transforms[0].scale = SCALE
        return config

    return load


def test_a_pair_holds_both_frames_and_the_labels_of_the_later_one(config, world):
    pairs = LabelledPairs(config('i2vda'))
    assert len(pairs) == 2
    pair = pairs[1]
    assert pair.target['frames'].shape == (1, 2, 3, 24, 48)
    labelled = next((world / 'cityscapes/gtFine').rglob('roadburg_000001_*_labelIds.png'))
    name = labelled.name.replace('_gtFine_labelIds', '_leftImg8bit')
    assert pair.path.endswith(name)

    raw = cv2.imread(str(labelled), cv2.IMREAD_GRAYSCALE)
    expected = np.vectorize(lambda value: CITYSCAPES_TO_15.get(value, 255))(raw).astype(np.uint8)
    assert np.array_equal(pair.labels, expected)

    frame = cv2.imread(pair.path)[..., ::-1].astype(np.float32)
    mean = pair.target['frames'][0, 1].permute(1, 2, 0).numpy().mean(axis=(0, 1))
    assert mean == pytest.approx(frame.mean(axis=(0, 1)), abs=2)  # RGB, in 0..255
    assert not np.array_equal(*pair.target['frames'][0].numpy())
    before, own = pair.images()
    assert np.array_equal(own, cv2.imread(pair.path))
    assert np.array_equal(before, cv2.imread(pair.path.replace('_000019_', '_000018_')))


@pytest.mark.parametrize(('method', 'frames'), [('source_only', 2), ('davsn', 2), ('tps', 3), ('cbst', 2)])
def test_every_method_gets_as_many_frames_as_it_trains_on(config, method, frames):
    assert LabelledPairs(config(method))[0].target['frames'].shape == (1, frames, 3, 24, 48)


@pytest.fixture
def folders(config, world, tmp_path):
    """The same labelled frames as images and labels in folders, as ``tools/prepare/pair.py`` writes of them."""

    def load(images, method='i2vda'):
        changed = config(method)
        labels = sorted((world / 'cityscapes').rglob('*labelIds.png'))
        names = [path.name.removesuffix('_gtFine_labelIds.png') for path in labels]
        (tmp_path / 'val.txt').write_text(''.join(f'{name.partition("_")[0]}/{name}\n' for name in names))
        changed.val_dataloader.dataset = dict(
            type='LabelledFolderDataset', data_root=str(world / 'cityscapes'), class_space='viper15', domain='target',
            data_prefix=dict(img_path=images, seg_map_path='gtFine/val'), img_suffix='_leftImg8bit.png',
            seg_map_suffix='_gtFine_labelIds.png', ann_file=str(tmp_path / 'val.txt'), test_mode=True,
            pipeline=changed.val_dataloader.dataset.pipeline,
        )  # fmt: skip
        target = changed.train_dataloader.dataset.target
        target.update(data_root=str(world / 'cityscapes'), split='val')
        return changed

    return load


def test_frames_in_folders_are_pairs_where_the_frame_before_is_there(folders, config):
    found, expected = pairs_of(folders('leftImg8bit_sequence/val')), LabelledPairs(config('i2vda'))
    assert len(found) == len(expected) == 2
    for pair, same in zip(found, expected):
        assert (pair.path, pair.before) == (same.path, same.before)
        assert np.array_equal(pair.labels, same.labels)
        assert np.array_equal(pair.target['frames'], same.target['frames'])


@pytest.mark.parametrize(('images', 'method'), [('alone', 'i2vda'), ('leftImg8bit_sequence/val', 'tps')])
def test_of_single_labelled_frames_the_pairs_of_the_training_are_taken(folders, world, images, method):
    for path in (world / 'cityscapes/gtFine/val').rglob('*_labelIds.png'):
        name = path.name.replace('gtFine_labelIds', 'leftImg8bit')
        alone = world / 'cityscapes/alone' / path.parent.name / name
        alone.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(next((world / 'cityscapes/leftImg8bit_sequence').rglob(name)), alone)
    pairs = pairs_of(folders(images, method))
    assert isinstance(pairs, UnlabelledPairs)
    assert pairs[0].labels is None
    assert pairs[0].target['frames'].shape[1] == (3 if method == 'tps' else 2)


def test_a_split_of_a_data_set_without_splits(folders):
    with pytest.raises(ValueError, match=r'LabelledFolderDataset of val_dataloader\.dataset has no splits'):
        pairs_of(folders('leftImg8bit_sequence/val'), split='train')


def test_an_index_outside_is_an_error(config):
    pairs = LabelledPairs(config('source_only'))
    with pytest.raises(IndexError, match=r'labelled frame 2 is not in 0\.\.1'):
        pairs[2]
