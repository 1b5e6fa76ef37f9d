"""The command line tools/draw_panel.py."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.datasets.class_spaces import PALETTE_15
from i2vda_mmseg.streetworld import make_streetworld

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/i2vda/deeplabv2_r18_streetworld.py'


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """A StreetWorld of two val clips, and the random weights of a model."""
    folder = tmp_path_factory.mktemp('panel')
    make_streetworld(
        folder / 'world', clips=0, val_clips=2, images=0, synthia_images=0, frames=3, size=(48, 96), progress=False
    )
    torch.manual_seed(0)
    model = MODELS.build(load_config(str(CONFIG)).model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), folder / 'weights.pth')
    return folder


def _draw(monkeypatch, made, *more, config=CONFIG, options=()):
    data = f'val_dataloader.dataset.data_root={made / "world" / "cityscapes"}'
    argv = ['draw_panel.py', str(config), str(made / 'weights.pth'), *more, '--cfg-options', data, *options]
    monkeypatch.setattr(sys, 'argv', argv)
    runpy.run_path(str(ROOT / 'tools' / 'draw_panel.py'))['main']()


def test_a_panel_is_written_from_any_directory(monkeypatch, made, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    _draw(monkeypatch, made, '--out', 'new/panel.png', '--index', '1')
    assert 'panel: new/panel.png' in capsys.readouterr().out
    panel = np.asarray(Image.open('new/panel.png'))
    # Cells of 192 x 384 with margins of 12 around: frames of 96 x 192 keep their shape.
    assert panel.shape[1] == 4 * (384 + 12) + 12
    # The ground truth is the last cell of the second row; sky is at its top and road at its bottom.
    truth = panel[-400:, -396:-12].reshape(-1, 3)
    assert {tuple(PALETTE_15[0]), tuple(PALETTE_15[8])} <= set(map(tuple, np.unique(truth, axis=0).tolist()))


def test_without_consistency_there_are_six_pictures(monkeypatch, made, tmp_path):
    ablation = ('model.pseudo_label_head=None', 'model.temporal_augmentation=None')
    _draw(monkeypatch, made, '--out', str(tmp_path / 'panel.png'), options=ablation)
    panel = np.asarray(Image.open(tmp_path / 'panel.png'))
    assert (panel[300:400, 2 * 396 + 12 :] == 255).all()
    assert (panel[300:400, 396 + 12 : 2 * 396] < 255).any()


def test_another_method_is_refused_in_one_sentence(monkeypatch, made, tmp_path):
    config = ROOT / 'configs/source_only/deeplabv2_r18_streetworld.py'
    with pytest.raises(SystemExit, match='builds SourceOnly, which has no flow and no proxy') as refusal:
        _draw(monkeypatch, made, '--out', str(tmp_path / 'panel.png'), config=config)
    assert '\n' not in str(refusal.value)


def test_an_index_outside_is_refused(monkeypatch, made, tmp_path):
    with pytest.raises(SystemExit, match=r'--index 2 is not in 0\.\.1'):
        _draw(monkeypatch, made, '--out', str(tmp_path / 'panel.png'), '--index', '2')


def test_a_missing_checkpoint_is_named(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*weights\.pth'):
        _draw(monkeypatch, tmp_path, '--out', str(tmp_path / 'panel.png'))
