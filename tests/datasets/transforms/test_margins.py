"""Margins move with the frames; what forgets them is refused."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import TRANSFORMS

from i2vda_mmseg.datasets.transforms import MarkMargins

BOTH = dict(img=['frame_0', 'frame_1'], valid_map=['valid_map'] * 2)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def frames():
    rng = np.random.default_rng(0)
    return {f'frame_{i}': rng.integers(0, 256, (12, 20, 3), dtype=np.uint8) for i in (0, 1)}


def packed(mapping, *steps):
    results = MarkMargins(top=2, bottom=4, left=6)(frames())
    broadcaster = dict(type='TransformBroadcaster', mapping=mapping, auto_remap=True, share_random_params=True)
    for step in (dict(broadcaster, transforms=list(steps)), dict(type='PackFramePair')):
        results = TRANSFORMS.build(step)(results)
    return results


def test_the_mark():
    valid = MarkMargins(top=2, bottom=4, left=6)(frames())['valid_map']
    expected = np.zeros((12, 20), np.uint8)
    expected[2:8, 6:] = 1
    assert np.array_equal(valid, expected)


def test_it_is_resized_and_flipped_with_the_frames():
    resize = dict(type='Resize', scale=(10, 6), keep_ratio=False)
    sample = packed(BOTH, resize, dict(type='RandomFlip', prob=1.0))['data_samples']
    expected = np.zeros((6, 10), bool)
    expected[1:4, :7] = True
    assert np.array_equal(sample.valid_map.data[0].numpy().astype(bool), expected)


def test_a_crop_of_it_is_that_of_the_frames():
    np.random.seed(3)  # noqa: NPY002 - what the crop draws from
    sample = packed(BOTH, dict(type='RandomCrop', crop_size=(5, 8)))
    whole, (top, left) = frames()['frame_1'], _place(sample)
    assert np.array_equal(sample['inputs'][1].permute(1, 2, 0).numpy(), whole[top : top + 5, left : left + 8])
    mark = MarkMargins(top=2, bottom=4, left=6)(frames())['valid_map'][top : top + 5, left : left + 8]
    assert np.array_equal(sample['data_samples'].valid_map.data[0].numpy(), mark)


def _place(sample):
    crop, whole = sample['inputs'][1].permute(1, 2, 0).numpy(), frames()['frame_1']
    places = [(i, j) for i in range(8) for j in range(13) if np.array_equal(whole[i : i + 5, j : j + 8], crop)]
    assert len(places) == 1
    return places[0]


def test_a_mark_that_is_left_behind_is_refused():
    with pytest.raises(ValueError, match=r'valid_map has \(12, 20\) pixels, the frames \(6, 10\).*mapping=dict'):
        packed(dict(img=['frame_0', 'frame_1']), dict(type='Resize', scale=(10, 6), keep_ratio=False))


def test_negative_margins():
    with pytest.raises(ValueError, match='must not be negative'):
        MarkMargins(top=-1)


def test_margins_that_leave_nothing():
    with pytest.raises(ValueError, match=r'leave nothing of an image of 12x20 \(H x W\)'):
        MarkMargins(bottom=15)(frames())  # a slice of -3 would count rows from the other end
    assert MarkMargins(left=19)(frames())['valid_map'].sum() == 12


@pytest.mark.parametrize('step', [
    dict(type='RandomRotate', prob=1.0, degree=(30, 30), pad_val=0, seg_pad_val=255),
    dict(type='RareClassCrop', crop_size=(16, 24)),
])  # fmt: skip
def test_what_steps_fill_the_mark_with_is_not_valid(step):
    results = MarkMargins(left=3)(dict(img=frames()['frame_0']))
    valid = TRANSFORMS.build(step)(results)['valid_map']
    assert set(np.unique(valid)) == {0, 1, 255}  # mmseg fills all label maps with one value: a reader asks for 1
