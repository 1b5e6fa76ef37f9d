import shutil

import pytest
import torch
from mmengine.registry import init_default_scope

from i2vda_mmseg.datasets import CityscapesSeqDataset, SynthiaSeqDataset, ViperDataset

from . import trees
from .trees import frame_name

PIPELINE = [
    dict(type='LoadFramePair'),
    dict(type='LoadRawLabels'),
    dict(
        type='TransformBroadcaster',
        mapping=dict(img=['frame_0', 'frame_1'], gt_seg_map=['gt_seg_map', 'gt_seg_map']),
        auto_remap=True,
        share_random_params=True,
        transforms=[
            dict(type='DropBottomRows', rows=2),
            dict(type='RandomFlip', prob=0.5),
            dict(type='RandomCrop', crop_size=(4, 7)),
        ],
    ),
    dict(type='PackFramePair'),
]


def viper(root, first=9):
    trees.viper(root)
    for seed, (sequence, frame) in enumerate([(1, 9), (1, 19), (2, first)]):
        path = root / f'train/img/{sequence:03d}/{sequence:03d}_{frame:05d}.jpg'
        trees.write_image(path, trees.image(10 + seed))
    return str(root)


def synthia(root, count=4):
    return str(trees.synthia(root, count))


def cityscapes(root):
    frames = [frame_name(number) for number in (17, 18, 19)]
    return str(trees.cityscapes(root, frames, [frame_name(19)]))


def keys_of(dataset):
    return [dataset.get_data_info(i)['frame_keys'] for i in range(len(dataset))]


def test_viper(tmp_path):
    dataset = ViperDataset(viper(tmp_path), previous_frame=True)
    stem = 'train/img/{0}/{0}_{1}.jpg'
    assert keys_of(dataset) == [
        (stem.format('001', '00009'), stem.format('001', '00010')),
        (stem.format('001', '00019'), stem.format('001', '00020')),
        (stem.format('002', '00009'), stem.format('002', '00010')),
    ]
    info = dataset.get_data_info(0)
    assert info['frame_paths'] == tuple(str(tmp_path / key) for key in info['frame_keys'])
    assert info['img_path'] == info['frame_paths'][1]
    assert info['seg_map_path'].endswith('cls/001/001_00010.png')


def test_synthia_begins_with_the_second_frame(tmp_path):
    dataset = SynthiaSeqDataset(synthia(tmp_path), previous_frame=True)
    numbers = [tuple(key[-10:-4] for key in keys) for keys in keys_of(dataset)]
    assert numbers == [('000000', '000001'), ('000001', '000002'), ('000002', '000003')]
    assert len(SynthiaSeqDataset(str(tmp_path))) == 4


def test_cityscapes_for_evaluation(tmp_path):
    dataset = CityscapesSeqDataset(cityscapes(tmp_path), previous_frame=True)
    ((previous, current),) = keys_of(dataset)
    assert previous.endswith('ulm_000000_000018_leftImg8bit.png')
    assert current.endswith('ulm_000000_000019_leftImg8bit.png')
    assert dataset.get_data_info(0)['seg_map_path'].endswith('ulm_000000_000019_gtFine_labelIds.png')


@pytest.mark.parametrize(
    ('build', 'tree', 'missing'),
    [
        (ViperDataset, viper, 'train/img/001/001_00019.jpg'),
        (SynthiaSeqDataset, synthia, 'RGB/Stereo_Left/Omni_F/000001.png'),
        (CityscapesSeqDataset, cityscapes, 'leftImg8bit_sequence/train/ulm/ulm_000000_000018_leftImg8bit.png'),
    ],
)
def test_a_missing_previous_frame_is_named(tmp_path, build, tree, missing):
    root = tree(tmp_path)
    (tmp_path / missing).unlink()
    label = tmp_path / missing.replace('RGB', 'GT/LABELS')
    label.unlink(missing_ok=True)  # SYNTHIA labels every frame
    with pytest.raises(FileNotFoundError, match=rf'{missing}, a frame before a labelled one'):
        build(root, previous_frame=True)


def test_a_list_cannot_ask_for_the_first_frame(tmp_path):
    root = synthia(tmp_path)
    (tmp_path / 'all.txt').write_text('000000.png\n000001.png\n')
    with pytest.raises(FileNotFoundError, match=r'no frame can be before .*000000\.png'):
        SynthiaSeqDataset(root, ann_file='all.txt', previous_frame=True)
    (tmp_path / 'rest.txt').write_text('000002.png\n')
    assert len(SynthiaSeqDataset(root, ann_file='rest.txt', previous_frame=True)) == 1


def test_a_set_of_the_first_frame_alone_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no frame can be before .*000000\.png'):
        SynthiaSeqDataset(synthia(tmp_path, count=1), previous_frame=True)


def test_both_frames_and_the_label_are_transformed_alike(tmp_path):
    init_default_scope('mmseg')
    root = viper(tmp_path)
    for name in ('001/001_00009', '001/001_00010'):
        shutil.copy(tmp_path / 'train/img/001/001_00020.jpg', tmp_path / f'train/img/{name}.jpg')
    whole = ViperDataset(root, previous_frame=True, pipeline=[PIPELINE[i] for i in (0, 1, 3)])[0]
    label, frame = whole['data_samples'].gt_sem_seg.data[0, :6], whole['inputs'][1, :, :6]
    dataset, seen = ViperDataset(root, previous_frame=True, pipeline=PIPELINE), set()
    for _ in range(12):
        sample = dataset[0]
        inputs, crop = sample['inputs'], sample['data_samples'].gt_sem_seg.data
        assert inputs.shape == (2, 3, 4, 7)
        assert crop.shape == (1, 4, 7)
        assert torch.equal(inputs[0], inputs[1])
        places = [
            (flip, y, x)
            for flip in (False, True)
            for y in range(3)
            for x in range(6)
            if torch.equal(crop[0], (label.flip(1) if flip else label)[y : y + 4, x : x + 7])
        ]
        assert len(places) == 1
        ((flip, y, x),) = places
        assert torch.equal(inputs[1], (frame.flip(2) if flip else frame)[:, y : y + 4, x : x + 7])
        seen.add(places[0])
    assert len(seen) > 3


def test_three_frames_that_end_with_the_labelled_one(tmp_path):
    init_default_scope('mmseg')
    pipeline = [dict(type='LoadFramePair'), dict(type='PackFramePair')]
    dataset = CityscapesSeqDataset(cityscapes(tmp_path), pairs='labelled', frames=3, pipeline=pipeline)
    ((a, b, c),) = keys_of(dataset)
    assert [key[-22:-16] for key in (a, b, c)] == ['000017', '000018', '000019']
    sample = dataset[0]
    assert sample['inputs'].shape == (3, 3, trees.HEIGHT, trees.WIDTH)
    for seed in range(3):  # the tree's images are made from their position
        expected = torch.from_numpy(trees.image(seed)).permute(2, 0, 1)
        assert torch.equal(sample['inputs'][seed], expected)
    with pytest.raises(FileNotFoundError, match=r'ulm_000000_000016_leftImg8bit\.png'):
        CityscapesSeqDataset(str(tmp_path), pairs='labelled', frames=4)


def test_windows_stay_within_a_snippet(tmp_path):
    frames = [frame_name(number) for number in range(275, 335)]
    trees.cityscapes(tmp_path, frames, [frame_name(294), frame_name(324)])
    dataset = CityscapesSeqDataset(str(tmp_path), pairs='consecutive', frames=3)
    numbers = [tuple(int(key[-22:-16]) for key in keys) for keys in keys_of(dataset)]
    assert numbers == [(n - 2, n - 1, n) for n in [*range(277, 305), *range(307, 335)]]


def test_arguments_that_do_not_go_together(tmp_path):
    root = cityscapes(tmp_path)
    with pytest.raises(ValueError, match='frames=3, stride=1 need pairs='):
        CityscapesSeqDataset(root, frames=3)
    with pytest.raises(ValueError, match='previous_frame=True goes with pairs=None'):
        CityscapesSeqDataset(root, pairs='labelled', previous_frame=True)
