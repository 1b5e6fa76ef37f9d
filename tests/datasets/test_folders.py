"""Anybody's folders and videos as source and target."""

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS
from PIL import Image

from i2vda_mmseg.datasets import video
from i2vda_mmseg.datasets.video import unpack
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.video_reader import VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter

YARD = dict(name='yard', classes=['floor', 'crate'], source={3: 'floor', 17: 'crate', 200: None}, target={1: 'crate'})
LOADING = [dict(type='LoadImage'), dict(type='LoadRawLabels'), dict(type='PackSegInputs')]
PAIRS = [dict(type='LoadFramePair'), dict(type='PackFramePair')]


def picture(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


@pytest.fixture
def labelled(tmp_path):
    for i, raw in enumerate(([[3, 17, 200], [255, 3, 3]], [[17, 17, 3], [3, 200, 255]])):
        picture(tmp_path / f'images/drive/im {i}.JPG', np.full((2, 3, 3), 40 * i))
        picture(tmp_path / f'labels/drive/im {i}_ids.png', raw)
    return tmp_path


def build(kind, root, **options):
    return DATASETS.build(dict(type=kind, data_root=str(root), class_space=YARD, **options))


def labels_of(dataset, i=0):
    return dataset[i]['data_samples'].gt_sem_seg.data[0].tolist()


def test_labels_are_read_by_the_table_of_their_domain(labelled):
    source = build('LabelledFolderDataset', labelled, seg_map_suffix='_ids.png', pipeline=LOADING)
    assert len(source) == 2
    assert labels_of(source) == [[0, 1, 255], [255, 0, 0]]
    assert source.metainfo['classes'] == ('floor', 'crate')
    target = build('LabelledFolderDataset', labelled, seg_map_suffix='_ids.png', pipeline=LOADING, domain='target')
    with pytest.raises(ValueError, match=r'im 0_ids\.png holds the unknown raw ids \[3, 17, 200\]; known are 1, 255'):
        target[0]


def test_endings_are_found(labelled):
    for path in (labelled / 'labels/drive').iterdir():
        path.rename(path.with_name(path.name.replace('_ids', '')))
    found = build('LabelledFolderDataset', labelled, pipeline=LOADING)
    assert (len(found), found.img_suffix, found.seg_map_suffix) == (2, '.JPG', '.png')


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(data_prefix=dict(img_path='pictures', seg_map_path='labels')), 'no such folder: .*pictures'),
        (dict(seg_map_suffix='_gt.png'), r'no file \*_gt\.png below .*labels'),
        (dict(img_suffix='.bmp'), r'no file \*\.bmp below .*images'),
    ],
)
def test_what_is_not_there_is_named(labelled, options, said):
    with pytest.raises(FileNotFoundError, match=said):
        build('LabelledFolderDataset', labelled, pipeline=LOADING, **options)
    with pytest.raises(ConfigError, match=r"domain must be one of .*got 'goal'"):
        build('LabelledFolderDataset', labelled, pipeline=LOADING, domain='goal')


def test_frames_of_folders_are_pairs_that_stay_in_their_clip(tmp_path):
    for drive, count in (('a', 3), ('b', 2)):
        for i in range(count):
            picture(tmp_path / f'{drive}/shot_{7 + i}.png', np.full((4, 6, 3), 10 * i))
    pairs = build('FrameFolderDataset', tmp_path, pipeline=PAIRS)
    names = [pairs.get_data_info(i)['frame_keys'] for i in range(len(pairs))]
    assert names == [
        ('a/shot_7.png', 'a/shot_8.png'),
        ('a/shot_8.png', 'a/shot_9.png'),
        ('b/shot_7.png', 'b/shot_8.png'),
    ]
    assert pairs[1]['inputs'].shape == (2, 3, 4, 6)
    assert len(build('FrameFolderDataset', tmp_path, pipeline=PAIRS, stride=2)) == 1


def drive(path, count=5):
    with VideoWriter(path, 10.0) as writer:
        for i in range(count):
            frame = np.full((32, 48, 3), 60, np.uint8)
            frame[8:24, 4 + 4 * i : 16 + 4 * i] = (200, 40, 90)
            writer.write(frame)
    return path


def test_a_video_is_the_target(tmp_path):
    dataset = build('VideoDataset', drive(tmp_path / 'drive.mp4'), pipeline=PAIRS)
    decoded = [torch.from_numpy(frame.copy()).permute(2, 0, 1) for frame in VideoReader(tmp_path / 'drive.mp4')]
    assert [dataset.get_data_info(i)['frame_keys'] for i in (0, 3)] == [
        ('drive/000000.png', 'drive/000001.png'), ('drive/000003.png', 'drive/000004.png'),
    ]  # fmt: skip
    for i in range(4):
        torch.testing.assert_close(dataset[i]['inputs'], torch.stack(decoded[i : i + 2]), rtol=0, atol=0)


def test_a_folder_of_videos_and_every_second_frame(tmp_path):
    drive(tmp_path / 'in/a.mp4'), drive(tmp_path / 'in/b.mp4', 3)
    dataset = build('VideoDataset', tmp_path / 'in', cache=str(tmp_path / 'frames'), every=2, pipeline=PAIRS)
    clips = [dataset.get_data_info(i)['frame_keys'][0].split('/')[0] for i in range(len(dataset))]
    assert clips == ['a', 'a', 'b']
    (tmp_path / 'in/b.mp4').unlink()
    assert len(build('VideoDataset', tmp_path / 'in', cache=str(tmp_path / 'frames'), every=2, pipeline=PAIRS)) == 2


def test_some_of_many_videos_are_taken_from_all_over(tmp_path):
    for name in 'abcdef':
        drive(tmp_path / f'in/{name}.mp4', 3)
    dataset = build('VideoDataset', tmp_path / 'in', most=2, pipeline=PAIRS)
    assert {dataset.get_data_info(i)['frame_keys'][0].split('/')[0] for i in range(len(dataset))} == {'b', 'e'}
    assert sorted(path.name for path in (tmp_path / 'in.frames').glob('[!.]*')) == ['b', 'e']
    with pytest.raises(ValueError, match='every and most must be at least 1, got 1 and 0'):
        build('VideoDataset', tmp_path / 'in', most=0, pipeline=PAIRS)


def test_a_video_is_decoded_once_and_anew_when_it_changed(tmp_path, monkeypatch):
    path, opened = drive(tmp_path / 'drive.mp4'), []
    monkeypatch.setattr(video, 'VideoReader', lambda name: opened.append(name) or VideoReader(name))
    assert [unpack(path, tmp_path / 'out') for _ in range(3)] == [5, 5, 5]
    drive(path, 3)
    assert unpack(path, tmp_path / 'out') == 3
    assert len(list((tmp_path / 'out').glob('*.png'))) == 3
    (tmp_path / 'out/unpacked.json').unlink()  # as after a kill
    assert unpack(path, tmp_path / 'out') == 3
    assert len(opened) == 3


@pytest.mark.parametrize(
    ('make', 'error', 'said'),
    [
        (lambda root: root / 'absent.mp4', FileNotFoundError, 'there is no video and no folder of videos at'),
        (lambda root: root, FileNotFoundError, r'no video \(\.mp4, '),
        (lambda root: drive(root / 'one.mp4', 1), ValueError, r'one\.mp4 has 1 frames to take \(every=1\), but pairs'),
    ],
)
def test_wrong_videos_are_named(tmp_path, make, error, said):
    with pytest.raises(error, match=said):
        build('VideoDataset', make(tmp_path), cache=str(tmp_path / 'frames'), pipeline=PAIRS)
