"""A StreetWorld on disk."""

import hashlib
import itertools
import json
import re
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from forks import fork_what_is_spawned, run_python
from PIL import Image

from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_RAW_IDS, SYNTHIA_RAW_IDS, VIPER_RAW_IDS
from i2vda_mmseg.flow.formats import read_flo
from i2vda_mmseg.streetworld import WorldPlan, exact_flow, make_streetworld, read_world, render_clip

ROOT = Path(__file__).parents[2]
SMALL = {'clips': 2, 'val_clips': 1, 'frames': 3, 'images': 9, 'synthia_images': 2, 'size': (48, 96), 'flow': True}
NAMES = (
    r'viper/train/img/(\d{3})/\1_\d{4}0\.jpg',
    r'viper/train/cls/(\d{3})/\1_\d{4}0\.png',
    r'synthia/SEQS-04-DAWN/RGB/Stereo_Left/Omni_F/\d{6}\.png',
    r'synthia/SEQS-04-DAWN/GT/LABELS/Stereo_Left/Omni_F/\d{6}\.png',
    r'cityscapes/leftImg8bit_sequence/(train|val)/([a-z]+)/\2_\d{6}_\d{6}_leftImg8bit\.png',
    r'cityscapes/gtFine/(train|val)/([a-z]+)/\2_\d{6}_000019_gtFine_labelIds\.png',
    r'cityscapes/flow/(train|val)/([a-z]+)/\2_\d{6}_0000(18|19)_F(01|10)(\.flo|_visible\.png)',
    r'world\.json',
)


def _digests(root):
    files = sorted(path for path in root.rglob('*') if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    return make_streetworld(tmp_path_factory.mktemp('world'), **SMALL, progress=False)


def test_files_are_named_as_in_the_data_sets(world):
    counts = dict.fromkeys(NAMES, 0)
    for name in _digests(world):
        matching = [pattern for pattern in NAMES if re.fullmatch(pattern, name)]
        assert len(matching) == 1, name
        counts[matching[0]] += 1
    assert list(counts.values()) == [9, 9, 2, 2, 9, 3, 24, 1]
    assert (world / 'viper/train/img/001/001_00010.jpg').is_file()


def test_every_labelled_frame_has_itself_and_the_one_before(world):
    for path in (world / 'cityscapes' / 'gtFine').rglob('*.png'):
        stem = path.name.removesuffix('_000019_gtFine_labelIds.png')
        frames = (
            world / 'cityscapes' / 'leftImg8bit_sequence' / path.parent.relative_to(world / 'cityscapes' / 'gtFine')
        )
        assert sorted(p.name for p in frames.glob(f'{stem}_*')) == [
            f'{stem}_{time:06d}_leftImg8bit.png' for time in (17, 18, 19)
        ]


def test_encodings(world):
    viper = Image.open(world / 'viper/train/cls/001/001_00010.png')
    assert (viper.mode, viper.size) == ('P', (96, 48))
    assert set(np.unique(viper)) <= set(VIPER_RAW_IDS.values())
    assert len({tuple(viper.getpalette()[3 * k : 3 * k + 3]) for k in range(32)}) == 32
    synthia = cv2.imread(
        str(world / 'synthia/SEQS-04-DAWN/GT/LABELS/Stereo_Left/Omni_F/000000.png'), cv2.IMREAD_UNCHANGED
    )
    assert (synthia.shape, synthia.dtype) == ((48, 96, 3), np.uint16)
    assert set(np.unique(synthia[..., 2])) <= set(SYNTHIA_RAW_IDS.values())
    assert SYNTHIA_RAW_IDS['lane-marking'] in synthia[..., 2]
    assert not synthia[..., 0].any()
    labels = Image.open(next((world / 'cityscapes/gtFine').rglob('*.png')))
    assert (labels.mode, labels.size) == ('L', (96, 48))
    assert set(np.unique(labels)) <= set(CITYSCAPES_RAW_IDS.values())
    for image in (world / 'viper/train/img').rglob('*.jpg'):
        assert (Image.open(image).mode, Image.open(image).size) == ('RGB', (96, 48))


def test_colours_are_stored_as_rgb(world):
    image = np.asarray(Image.open(world / 'synthia/SEQS-04-DAWN/RGB/Stereo_Left/Omni_F/000000.png')).astype(int)
    labels = cv2.imread(
        str(world / 'synthia/SEQS-04-DAWN/GT/LABELS/Stereo_Left/Omni_F/000000.png'), cv2.IMREAD_UNCHANGED
    )
    sky = image[labels[..., 2] == SYNTHIA_RAW_IDS['sky']].mean(axis=0)
    assert sky[2] > sky[0] + 30  # blue, not red


def test_flow_files_hold_flow(world):
    folder = world / 'cityscapes/flow/val/roadburg'
    frames = render_clip((0, 3, 0), 3, (48, 96))
    for previous, frame in itertools.pairwise(frames):
        stem = f'roadburg_000000_{frame.time:06d}'
        for direction, frame_a, frame_b in (('F01', previous, frame), ('F10', frame, previous)):
            flow, visible = exact_flow(frame_a, frame_b)
            np.testing.assert_array_equal(read_flo(folder / f'{stem}_{direction}.flo'), flow)
            stored = np.asarray(Image.open(folder / f'{stem}_{direction}_visible.png'))
            np.testing.assert_array_equal(stored, np.where(visible, 255, 0))
    # Driving forward, what lies on the left moves to the left, and back to the right in the other direction.
    flows = [read_flo(folder / f'roadburg_000000_000019_{direction}.flo') for direction in ('F01', 'F10')]
    assert flows[0][30:, :10, 0].mean() < flows[0][30:, -10:, 0].mean()
    assert flows[1][30:, :10, 0].mean() > flows[1][30:, -10:, 0].mean()


def test_workers_do_not_change_a_byte(world, tmp_path, monkeypatch):
    fork_what_is_spawned(monkeypatch)
    assert _digests(make_streetworld(tmp_path / 'two', **SMALL, workers=2, progress=False)) == _digests(world)


def test_a_seed_decides_everything(world, tmp_path):
    few = {**SMALL, 'images': 1, 'clips': 1, 'val_clips': 0, 'synthia_images': 0}
    same = _digests(make_streetworld(tmp_path / 'same', **few, progress=False))
    other = _digests(make_streetworld(tmp_path / 'other', **few, seed=1, progress=False))
    there = _digests(world)
    assert same.keys() == other.keys()
    for name in same.keys() - {'world.json'}:
        assert same[name] == there[name]
        assert other[name] != there[name]


def test_world_json_describes_the_run(world):
    said = read_world(world)
    assert {key: said[key] for key in SMALL} == {**SMALL, 'size': [48, 96]}
    assert (said['seed'], said['name']) == (0, 'StreetWorld')


@pytest.mark.parametrize(
    ('given', 'val_clips', 'synthia_images'),
    [
        ({'images': 2, 'clips': 1}, 1, 2),
        ({'images': 101, 'clips': 41}, 40, 100),
        ({'images': 2, 'clips': 1, 'val_clips': 0, 'synthia_images': 3}, 0, 3),
        ({}, 40, 100),
    ],
)
def test_counts_not_given_follow_the_others(tmp_path, monkeypatch, given, val_clips, synthia_images):
    monkeypatch.setattr('i2vda_mmseg.streetworld.make._run', lambda *_: None)  # only what is planned counts here
    said = read_world(make_streetworld(tmp_path / 'world', **given, progress=False))
    assert (said['val_clips'], said['synthia_images']) == (val_clips, synthia_images)
    if not given:
        assert said == WorldPlan().describe()


def test_an_interrupted_making_starts_over(tmp_path):
    few = {**SMALL, 'images': 1, 'clips': 1, 'val_clips': 0, 'synthia_images': 0}
    out = make_streetworld(tmp_path / 'world', **few, progress=False)
    whole = _digests(out)
    (out / 'world.json').rename(out / 'world.partial.json')
    next((out / 'viper').rglob('*.jpg')).unlink()
    (out / 'viper' / 'leftover.txt').write_text('of another world')
    assert read_world(out) is None
    make_streetworld(out, **few, progress=False)
    assert _digests(out) == whole


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'frames': 1}, 'frames must be at least 2'),
        ({'clips': -1}, 'clips must lie in'),
        ({'images': 7701}, 'images must lie in 0..7700'),
        ({'size': (8, 96)}, r'size must be \(H, W\)'),
        ({'workers': 0}, 'workers must be at least 1'),
        ({'seed': -1}, 'seed must not be negative'),
    ],
)
def test_impossible_worlds_are_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        make_streetworld(tmp_path / 'world', **{**SMALL, **wrong})
    assert not (tmp_path / 'world').exists()


def test_other_parameters_need_force(tmp_path):
    few = {'clips': 0, 'val_clips': 0, 'images': 1, 'size': (32, 48), 'progress': False}
    out = make_streetworld(tmp_path / 'world', **few)
    with pytest.raises(FileExistsError, match=r'made otherwise \(seed: 0 there, 1 asked for\)'):
        make_streetworld(out, **few, seed=1)
    make_streetworld(out, **few, seed=1, force=True)
    assert read_world(out)['seed'] == 1


def test_command_line(tmp_path):
    out = tmp_path / 'world'

    def run(*more):
        few = ('--clips', '1', '--images', '2', '--frames', '2')
        return run_python(ROOT / 'tools' / 'make_streetworld.py', '--out', out, *few, *more)

    made = run('--size', '32x48')
    assert made.returncode == 0, made.stderr
    assert '2 VIPER images, 2 SYNTHIA images, 1 + 1 clips of 2 frames at 32x48' in made.stdout
    before = _digests(out)
    again = run('--size', '32', '48')
    assert again.returncode == 0
    assert 'already holds this StreetWorld; nothing to do' in again.stdout
    assert _digests(out) == before
    (out / 'world.json').rename(out / 'something.json')
    refused = run('--force')
    assert refused.returncode == 1
    assert 'is not empty and holds no StreetWorld' in refused.stderr
    assert 'Traceback' not in refused.stderr
    assert json.loads((out / 'something.json').read_text())['frames'] == 2


@pytest.mark.parametrize('words', ['32x48', '32X48', '32 48', '48', '32 48 3', '32xx48', '32x', 'wide'])
def test_sizes_have_two_spellings(monkeypatch, capsys, words):
    tool = runpy.run_path(str(ROOT / 'tools' / 'make_streetworld.py'))
    monkeypatch.setattr(sys, 'argv', ['make_streetworld.py', '--size', *words.split()])
    if words in {'32x48', '32X48', '32 48'}:
        assert tool['parse_args']().size == (32, 48)
        return
    with pytest.raises(SystemExit):
        tool['parse_args']()
    assert f'{words!r} is not a size; write height and width like 128x256 or 128 256' in capsys.readouterr().err
