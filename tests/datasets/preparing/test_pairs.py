"""From two downloads to one config."""

import runpy
import sys

import cv2
import numpy as np
import pytest
import yaml
from mmseg.registry import DATASETS

from datasets.preparing.downloads import tree, write, write_label
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.datasets.preparing import Preparation, common_class_space, known_data
from i2vda_mmseg.fileio.video_writer import VideoWriter


@pytest.fixture
def tools(tmp_path, monkeypatch, request):
    """Run tools of the folder ``prepare`` as a user would; returns the exit code."""

    def run(name, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(f'{request.config.rootpath}/tools/prepare/{name}.py', run_name='__main__')
        return ended.value.code

    return run


def moving(root, count=4):
    """Frames of KITTI-STEP in which something moves, with labels."""
    data, rng = known_data('kitti-step'), np.random.default_rng(0)
    street = rng.integers(0, 256, (64, 160), dtype=np.uint8)
    street = cv2.GaussianBlur(street, (0, 0), 3) * 4
    for split, drive in (('train', '0000'), ('val', '0002')):
        for i in range(count):
            frame = np.dstack([street[:, 4 * i : 4 * i + 96]] * 3)
            write(root / f'training/image_02/{drive}/{i:06d}.png', frame)
            ids = np.where(np.arange(64)[:, None] < 32, 10, 0).repeat(96, 1).astype(np.uint8)
            write_label(root / f'panoptic_maps/{split}/{drive}/{i:06d}.png', data, ids)


def test_two_data_sets_become_a_config(tmp_path, tools, capsys):
    tree(tmp_path / 'gta', 'gta5')
    moving(tmp_path / 'kitti')
    assert tools('dataset', 'gta5', 'gta', '--out', 'p/gta') == 1
    assert 'wrong: train: 1 labelled images, but the data set has 24,966' in capsys.readouterr().out
    assert tools('dataset', 'gta5', 'gta', '--out', 'p/gta', '--partial') == 0
    assert tools('dataset', 'kitti-step', 'kitti', '--out', 'p/kitti', '--partial') == 0
    assert tools('pair', 'p/gta', 'p/kitti', '--network', 'r18') == 0
    assert '19 classes: road, sidewalk' in capsys.readouterr().out
    assert tools('pair', 'p/gta', 'p/kitti', '--network', 'r18') == 1
    assert 'pair.py is there already' in capsys.readouterr().err
    assert tools('pair', 'p/gta', 'p/kitti', '--out', 'b.py', '--test-split', 'moon') == 1
    assert "kitti-step has no labelled frames in the split 'moon'; there is train, val" in capsys.readouterr().err
    config = load_config(str(tmp_path / 'pair.py'))
    assert len(config.class_space.classes) == config.model.segmentor.decode_head.num_classes == 19
    pairs = DATASETS.build(config.train_dataloader.dataset.target)
    keys = [pairs.get_data_info(i)['frame_keys'] for i in range(len(pairs))]
    assert keys[0] == ('0000/000000.png', '0000/000001.png')
    assert {key[0][:4] for key in keys} == {'0000'}
    tested = DATASETS.build(config.val_dataloader.dataset)
    assert len(tested) == 4
    labels = tested[0]['data_samples'].gt_sem_seg.data[0]
    assert (labels[:32] == 10).all()
    assert (labels[32:] == 0).all()


def test_images_alone_are_no_target(tmp_path, tools, capsys):
    tree(tmp_path / 'gta', 'gta5')
    tools('dataset', 'gta5', 'gta', '--out', 'p/gta', '--partial')
    assert tools('pair', 'p/gta', 'p/gta') == 1
    assert 'gta5 has no videos, whose frames follow each other, in the split' in capsys.readouterr().err
    assert tools('pair', 'p/gta', 'nowhere') == 1
    assert 'no data set was prepared in nowhere' in capsys.readouterr().err


def test_videos_alone_are_a_target(tmp_path):
    (tmp_path / 'raw/videos/train').mkdir(parents=True)
    (tmp_path / 'raw/videos/train/0000f77c.mov').write_bytes(b'-')
    prepared = Preparation(known_data('bdd100k'), tmp_path / 'raw', tmp_path / 'out').run()
    assert prepared.frames['train']['type'] == 'VideoDataset'
    data, _, _ = tree(tmp_path / 'gta', 'gta5')
    source = Preparation(data, tmp_path / 'gta', tmp_path / 'gta_out').run(is_partial=True)
    space = common_class_space(source, prepared)
    assert len(space.classes) == 19
    assert not space.target
    assert yaml.safe_load((tmp_path / 'out/prepared.yaml').read_text())['splits'] == {}


def test_of_many_videos_a_config_takes_some(tmp_path, tools):
    tree(tmp_path / 'gta', 'gta5')
    for name in ('0000f77c', '00024742'):
        (tmp_path / 'bdd/videos/train').mkdir(parents=True, exist_ok=True)
        with VideoWriter(tmp_path / f'bdd/videos/train/{name}.mp4', 30.0) as writer:
            for i in range(5):
                frame = np.full((64, 96, 3), 60, np.uint8)
                frame[16:48, 8 * i : 8 * i + 24] = (200, 40, 90)
                writer.write(frame)
    (tmp_path / 'bdd/videos/train/0000f77c.mp4').rename(tmp_path / 'bdd/videos/train/0000f77c.mov')
    assert tools('dataset', 'gta5', 'gta', '--out', 'p/gta', '--partial') == 0
    assert tools('dataset', 'bdd100k', 'bdd', '--out', 'p/bdd') == 0
    assert tools('pair', 'p/gta', 'p/bdd', '--network', 'r18') == 0
    config = load_config(str(tmp_path / 'pair.py'))
    target = config.train_dataloader.dataset.target
    assert (target.type, target.most) == ('VideoDataset', 4000)  # 20,000 frames of videos of 5
    assert config.val_dataloader is None
    assert len(DATASETS.build(target)) == 2 * (5 - target.stride)
    assert (tmp_path / 'p/bdd/frames_train/0000f77c/000004.png').is_file()
