import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from videos import moving, write

from i2vda_mmseg.apis.unlabelled_frames import choose_frames, source_shares
from i2vda_mmseg.errors import ConfigError

EMPTY = Config(dict(train_dataloader=None))


def folder(path, names):
    path.mkdir()
    for i, name in enumerate(names):
        Image.fromarray(np.full((8, 12, 3), i, np.uint8)).save(path / f'{name}.png')
    return str(path)


def taken(choice):
    return [[(shot.key, int(shot.image[0, 0, 0])) for shot in group] for group in choice.groups]


def test_pairs_are_spread_over_the_clips(tmp_path):
    source = folder(tmp_path / 'frames', [f'{clip}_{i:02d}' for clip in 'ab' for i in range(6)])
    choice = choose_frames(EMPTY, 5, source)
    assert taken(choice) == [[('a_02.png', 2), ('a_03.png', 3)], [('b_02.png', 8), ('b_03.png', 9)]]
    assert choice.facts == dict(
        source=source, frames=4, pairs=2, rule='pairs of consecutive frames, evenly spread over all 10'
    )
    everything = taken(choose_frames(EMPTY, 1000, source))
    assert len(everything) == 10
    assert [('a_05.png', 5), ('b_00.png', 6)] not in everything


def test_frames_that_do_not_follow_each_other_come_alone(tmp_path):
    choice = choose_frames(EMPTY, 2, folder(tmp_path / 'stills', ['oak_1', 'pine_7', 'ash_3', 'elm_2']))
    assert [[name for name, _ in group] for group in taken(choice)] == [['elm_2.png'], ['pine_7.png']]
    assert choice.facts['pairs'] == 0


def test_a_video_gives_its_own_frames(tmp_path):
    video = write(tmp_path / 'drive.mp4', 'libx264', count=20, crf=1)
    groups = list(choose_frames(EMPTY, 4, str(video)).groups)
    assert [[shot.key for shot in group] for group in groups] == [
        ['drive.mp4:4', 'drive.mp4:5'],
        ['drive.mp4:14', 'drive.mp4:15'],
    ]
    expected = moving(20)[14].astype(int)
    assert np.abs(groups[1][0].image.astype(int) - expected).mean() < np.abs(expected - moving(20)[12]).mean() / 2


def test_wrong_turns_are_said(tmp_path):
    source = folder(tmp_path / 'frames', ['a_1', 'a_2'])
    with pytest.raises(ValueError, match='got 1'):
        choose_frames(EMPTY, 1, source)
    with pytest.raises(ValueError, match='not from both'):
        choose_frames(EMPTY, 2, source, source)
    with pytest.raises(FileNotFoundError, match='absent'):
        choose_frames(EMPTY, 2, str(tmp_path / 'absent.mp4'))
    with pytest.raises(ConfigError, match=r'train_dataloader\.dataset\.target.*--video'):
        choose_frames(EMPTY, 2)


def test_the_classes_of_the_source_are_counted(tiny_source):
    config, labels = tiny_source
    assert torch.equal(source_shares(config, 15), torch.bincount(labels[labels < 15], minlength=15))


@pytest.fixture
def tiny_source(tmp_path):
    """Two images in VIPER's layout, with road (3), sidewalk (4) and, ignored, 0."""
    raw = np.array([[3, 3, 4, 0], [3, 4, 4, 0]], np.uint8)
    for folder_name, name, picture in (
        ('img', 'a.png', np.zeros((2, 4, 3), np.uint8)),
        ('cls', 'a.png', raw),
        ('img', 'b.png', np.zeros((2, 4, 3), np.uint8)),
        ('cls', 'b.png', raw[:, ::-1]),
    ):
        path = tmp_path / 'train' / folder_name / '001' / f'001_0000{ord(name[0]) - 96}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    steps = [dict(type='LoadImage'), dict(type='LoadRawLabels'), dict(type='PackSegInputs')]
    source = dict(type='ViperDataset', data_root=str(tmp_path), img_suffix='.png', pipeline=steps)
    train_ids = np.where(raw == 3, 0, np.where(raw == 4, 1, 255))
    return Config(dict(train_dataloader=dict(dataset=dict(source=source)))), torch.tensor(train_ids).flatten().repeat(2)
