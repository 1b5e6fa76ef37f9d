"""The frame before each source image, on request."""

import hashlib

import cv2
import numpy as np
import pytest
import torch

from i2vda_mmseg.datasets import SynthiaSeqDataset, ViperDataset
from i2vda_mmseg.ops import warp
from i2vda_mmseg.streetworld import GAME, exact_flow, make_streetworld, read_world, render_clip

SMALL = {'clips': 0, 'val_clips': 0, 'images': 3, 'synthia_images': 2, 'size': (48, 96), 'progress': False}


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    return make_streetworld(tmp_path_factory.mktemp('world') / 'world', **SMALL, previous_frames=True)


def read(path):
    return cv2.imread(str(path))[..., ::-1].astype(float)


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_viper_has_the_frame_before_each_labelled_one(world):
    dataset = ViperDataset(str(world / 'viper'), previous_frame=True)
    assert [tuple(key[-9:-4] for key in dataset.get_data_info(i)['frame_keys']) for i in range(3)] == [
        ('00009', '00010'),
        ('00019', '00020'),
        ('00029', '00030'),
    ]
    assert not (world / 'viper/train/cls/001/001_00009.png').exists()


def test_synthia_is_one_drive(world):
    dataset = SynthiaSeqDataset(str(world / 'synthia/SEQS-04-DAWN'), previous_frame=True)
    numbers = [tuple(key[-10:-4] for key in dataset.get_data_info(i)['frame_keys']) for i in range(len(dataset))]
    assert numbers == [('000000', '000001'), ('000001', '000002')]


@pytest.mark.parametrize('kind', ['viper', 'synthia'])
def test_the_exact_flow_leads_from_each_image_to_the_one_before(world, kind):
    """Where the flow says that a point is seen in both frames, both pictures show it alike."""
    if kind == 'viper':
        dataset = ViperDataset(str(world / 'viper'), previous_frame=True)
        frames = render_clip((0, 0, 1), 2, (48, 96), look=GAME)
    else:
        dataset = SynthiaSeqDataset(str(world / 'synthia/SEQS-04-DAWN'), previous_frame=True)
        frames = render_clip((0, 1, 0), 3, (48, 96), look=GAME)[1:]
    previous, current = (read(path) for path in dataset.get_data_info(1)['frame_paths'])
    tolerance = 8.0 if kind == 'viper' else 0.0  # JPEG
    for picture, frame in zip((previous, current), frames):
        assert np.abs(picture - frame.rgb).mean() <= tolerance
    flow, visible = exact_flow(frames[1], frames[0])
    moved = warp(torch.from_numpy(previous).permute(2, 0, 1)[None], torch.from_numpy(flow).permute(2, 0, 1)[None])
    error = (moved[0] - torch.from_numpy(current).permute(2, 0, 1)).abs().mean(0).numpy()[visible].mean()
    unmoved = np.abs(previous - current).mean(axis=2)[visible].mean()
    assert np.abs(flow).mean() > 0.2
    assert error < 0.7 * unmoved


def test_labelled_images_are_those_of_a_world_without(world, tmp_path):
    plain = digests(make_streetworld(tmp_path / 'plain', **SMALL) / 'viper')
    paired = digests(world / 'viper')
    assert plain.items() < paired.items()
    assert sorted(name[-9:] for name in paired.keys() - plain.keys()) == ['00009.jpg', '00019.jpg', '00029.jpg']


def test_worlds_of_either_kind_are_told_apart(world, tmp_path):
    assert read_world(world)['previous_frames'] is True
    make_streetworld(world, **SMALL, previous_frames=True)
    with pytest.raises(FileExistsError, match=r'previous_frames: True there, False asked for'):
        make_streetworld(world, **SMALL)


def test_a_world_made_before_there_was_a_choice_has_none(tmp_path):
    out = make_streetworld(tmp_path / 'world', **SMALL)
    path = out / 'world.json'
    path.write_text(path.read_text().replace(',\n  "previous_frames": false', ''))
    assert 'previous_frames' not in read_world(out)
    before = path.stat().st_mtime_ns
    make_streetworld(out, **SMALL)
    assert path.stat().st_mtime_ns == before
