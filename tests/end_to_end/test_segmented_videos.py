"""tools/segment_video.py on a clip of a tiny street, with networks that have learnt nothing."""

import json
import re
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmseg.registry import MODELS


@pytest.fixture
def segment(request, monkeypatch, capsys):
    """Run the tool in this process; gives its exit code and what it printed."""
    path = str(request.config.rootpath / 'tools' / 'segment_video.py')

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(path, run_name='__main__')
        return ended.value.code, capsys.readouterr()

    return call


@pytest.fixture
def config(tiny_config, tmp_path):
    """A config with two checkpoints beside it, of two seeds."""
    config = tiny_config('source_only', tmp_path / 'work')
    config.dump(tmp_path / 'config.py')
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = MODELS.build(config.model)
        torch.nn.init.normal_(model.segmentor.decode_head.convs[0].weight)
        torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / f'{seed}.pth')
    return tmp_path / 'config.py'


def test_two_checkpoints_side_by_side(segment, config, tmp_path, world):
    clips = next((world / 'cityscapes' / 'leftImg8bit_sequence' / 'val').iterdir())
    count = len(list(clips.glob('*.png')))
    networks = [tmp_path / '0.pth', tmp_path / '1.pth']
    options = ['--opacity', 1, '--tc', '--device', 'cpu', '--cfg-options', 'tc_evaluator.mask=none']
    out = tmp_path / 'out.mp4'
    code, printed = segment(config, networks[0], clips, '--out', out, '--side-by-side', networks[1], *options)
    said = printed.out
    assert code == 0
    assert re.search(rf'{count}/{count}', said)  # the progress bar
    assert re.search(rf'{count} frames in [\d.]+ s, [\d.]+ a second: {re.escape(str(out))}', ' '.join(said.split()))
    lines = [line for line in said.splitlines() if 'TC' in line]
    assert [line.partition(':')[0] for line in lines] == list(map(str, networks))
    for line in lines:
        tc, flicker = map(float, re.search(r'TC ([\d.]+), flicker ([\d.]+)', line).groups())
        assert 0 < tc < 1
        assert 0 < flicker < 1
        facts = f'protocol viper15, preset clean mask=none, DISFlow, {count - 2} pairs of 2 clips, shares in 0..1'
        assert line.endswith(f'({facts})')
    rows = json.loads((tmp_path / 'video.json').read_text())
    assert [Path(row['checkpoint']).name for row in rows] == ['0.pth', '1.pth']
    assert segment(config, networks[1], clips, '--end', 2, *options)[0] == 0  # measured again, in its place
    rows = json.loads((tmp_path / 'video.json').read_text())
    assert [(Path(row['checkpoint']).name, row['pairs']) for row in rows] == [('0.pth', count - 2), ('1.pth', 1)]
    video = cv2.VideoCapture(str(out))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == count
    assert video.read()[1].shape == (64, 2 * 96, 3)


def test_smoothing_is_measured_beside_what_it_smooths(segment, config, tmp_path, world):
    clip = next((world / 'cityscapes' / 'leftImg8bit_sequence' / 'val').iterdir())
    options = ['--tc', '--device', 'cpu', '--cfg-options', 'tc_evaluator.mask=none']
    assert segment(config, tmp_path / '0.pth', clip, *options)[0] == 0
    code, printed = segment(config, tmp_path / '0.pth', clip, '--smooth', '0.8', *options)
    assert code == 0, printed.err
    assert re.search(r'smoothing: \d+ ms a frame for two flows and the average', printed.out)
    plain, smooth = json.loads((tmp_path / 'video.json').read_text())
    assert (plain['smooth'], smooth['smooth']) == (None, 0.8)
    assert smooth['flicker'] < plain['flicker']
    code, printed = segment(config, tmp_path / '0.pth', clip, '--smooth', '1', *options)
    assert (code, 'the share of the past must be in 0..1, and below 1; got 1.0' in printed.err) == (1, True)


def test_figures_where_no_pixel_is_seen_twice_are_none(segment, config, tmp_path, world):
    clip = next((world / 'cityscapes' / 'leftImg8bit_sequence' / 'val').iterdir())
    out = tmp_path / 'out.mp4'
    options = ['--tc', '--device', 'cpu', '--cfg-options', 'tc_evaluator.eta=1e-12']
    code, printed = segment(config, tmp_path / '0.pth', clip, '--out', out, *options)
    assert code == 0, printed.err
    (row,) = json.loads(out.with_suffix('.json').read_text())
    assert (row['TC'], row['flicker']) == (None, None)


def test_the_legend_names_the_classes_of_the_config(segment, config, tmp_path, world):
    clip = next((world / 'cityscapes' / 'leftImg8bit_sequence' / 'val').iterdir())
    out = tmp_path / 'out.mp4'
    code, printed = segment(config, tmp_path / '0.pth', clip, '--out', out, '--legend', '--device', 'cpu')
    assert code == 0, printed.err
    strip = cv2.VideoCapture(str(out)).read()[1][64:, :, ::-1].astype(int)
    classes = [(128, 64, 128), (244, 35, 232), (107, 142, 35), (70, 130, 180), (220, 20, 60)]
    assert all((np.abs(strip - colour).max(axis=2) < 40).any() for colour in classes)


def test_nothing_to_do(segment, config):
    code, printed = segment(config, 'a.pth', 'v.mp4')
    assert code == 2
    assert 'give --out, --masks, --tc or several of them' in printed.err
