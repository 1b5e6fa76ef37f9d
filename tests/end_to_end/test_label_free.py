"""Choosing a checkpoint without labels: while training, and afterwards."""

import json
import re
import runpy
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from PIL import Image
from videos import moving

from benchmarks import selection
from i2vda_mmseg.apis.launch import build_runner
from i2vda_mmseg.apis.selection import select_checkpoint
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.evaluation.label_free import CRITERIA
from i2vda_mmseg.evaluation.label_free.label_free_selection import HISTORY

TOOL = Path(__file__).parents[2] / 'tools' / 'select_checkpoint.py'
ONLINE = {
    'val_evaluator': dict(type='LabelFreeSelection', _delete_=True),
    'val_dataloader.dataset.pairs': 'consecutive',  # unlabelled
    'val_dataloader.dataset.pipeline': [
        dict(type='LoadImage'),
        dict(type='Resize', scale=(64, 32), keep_ratio=False),
        dict(type='PackSegInputs'),
    ],
    'train_cfg.val_interval': 2,
    'default_hooks.checkpoint.interval': 2,
    # few iterations from small weights predict one class, which is never the best
    'model.segmentor.decode_head.init_cfg': dict(type='Normal', layer='Conv2d', std=1.0),
    'default_hooks.checkpoint.save_best': 'label_free/rank',
}


@pytest.mark.slow
def test_the_best_checkpoint_is_kept_and_a_resumed_run_keeps_the_same(tiny_config, tmp_path):
    def train(name, **options):
        runner = build_runner(tiny_config('source_only', tmp_path / name, **deepcopy(ONLINE), **options))
        runner.train()
        return runner.message_hub.runtime_info

    whole = train('whole')
    history = whole[HISTORY]
    assert len(history) == 3
    best = Path(whole['best_ckpt'])
    assert best.is_file()
    assert [path.name for path in best.parent.glob('best_*')] == [best.name]
    resumed = train('resumed', load_from=str(tmp_path / 'whole' / 'iter_4.pth'), resume=True)
    assert resumed[HISTORY] == history
    assert (resumed['best_score'], Path(resumed['best_ckpt']).name) == (whole['best_score'], best.name)


@pytest.fixture
def run(trained, kept_runs, tmp_path):
    """A copy of three checkpoints of a method with a teacher, one that has collapsed, one of NaN, and a damaged one."""
    if 'i2vda' not in kept_runs:
        kept_runs['i2vda'] = _run(trained)
    return shutil.copytree(kept_runs['i2vda'], tmp_path / 'copy')


def _run(trained):
    options = deepcopy(ONLINE) | {'default_hooks.checkpoint.max_keep_ckpts': -1, 'train_cfg.val_interval': 100}
    for name in [name for name in options if name.startswith('val_') or name.endswith('save_best')]:
        del options[name]
    folder = trained('i2vda', **options)
    for number, bias in ((8, 90.0), (10, float('nan'))):
        content = torch.load(folder / 'iter_6.pth', weights_only=False)
        content['state_dict']['segmentor.decode_head.convs.0.bias'][1] = bias
        torch.save(content, folder / f'iter_{number}.pth')
    (folder / 'iter_12.pth').write_bytes((folder / 'iter_6.pth').read_bytes()[:-500])
    return folder


@pytest.mark.slow
def test_checkpoints_are_ranked_without_labels(run, capsys, monkeypatch):
    ranked = select_checkpoint(run, frames=6, criteria=list(CRITERIA))
    rows = {row['iteration']: row for row in ranked['checkpoints']}
    assert list(rows) == [2, 4, 6, 8, 10, 12]
    assert (rows[8]['collapsed'], rows[8]['rank']) == (True, None)
    assert re.search(r"'sidewalk' for 100\.0 %.* of the source's", rows[8]['excluded'])
    assert 'not finite' in rows[10]['excluded']
    assert 'iter_12.pth is damaged' in rows[12]['excluded']
    assert sorted(rows[i]['rank'] for i in (2, 4, 6)) == [1, 2, 3]
    assert ranked['chosen'] == next(row['checkpoint'] for row in rows.values() if row['rank'] == 1)
    assert ranked['ranked_by'] == list(CRITERIA)
    assert (ranked['frames']['frames'], ranked['frames']['pairs']) == (6, 3)
    assert sum(ranked['source_shares'].values()) == pytest.approx(1)

    tool = runpy.run_path(str(TOOL))
    monkeypatch.setattr(sys, 'argv', ['tool', str(run), '--frames', '6', '--criteria', *CRITERIA])
    assert tool['main']() == 0
    written = json.loads((run / 'selection.json').read_text())
    assert without_times(written) == without_times(ranked)
    assert ranked['chosen'] in capsys.readouterr().out
    assert Image.open(run / 'selection.png').width == 1200


@pytest.mark.slow
def test_a_run_of_collapsed_checkpoints_chooses_none(run, tmp_path, capsys, monkeypatch):
    for number in (2, 4, 6):
        (run / f'iter_{number}.pth').unlink()
    frames = tmp_path / 'frames'
    frames.mkdir()
    for i in range(4):
        Image.fromarray(moving(4)[i]).save(frames / f'{i}.png')
    tool = runpy.run_path(str(TOOL))
    monkeypatch.setattr(sys, 'argv', ['tool', str(run), '--video', str(frames), '--frames', '4'])
    assert tool['main']() == 1
    assert 'no checkpoint is chosen' in capsys.readouterr().out
    assert json.loads((run / 'selection.json').read_text())['chosen'] is None


def without_times(selection):
    return [{name: value for name, value in row.items() if name != 'seconds'} for row in selection['checkpoints']]


def test_mistakes_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent'):
        select_checkpoint(tmp_path / 'absent')
    with pytest.raises(FileNotFoundError, match=r'iter_\*\.pth.*max_keep_ckpts=-1'):
        select_checkpoint(tmp_path)
    with pytest.raises(ValueError, match='sharpness'):
        select_checkpoint(tmp_path, criteria=['sharpness'])
    (tmp_path / 'iter_5.pth').touch()
    with pytest.raises(ConfigError, match='--config'):
        select_checkpoint(tmp_path)


@pytest.mark.slow
def test_a_run_is_compared_with_its_labels(run, tmp_path, monkeypatch):
    out = tmp_path / 'out.json'
    monkeypatch.setattr(sys, 'argv', ['selection', str(run), '--frames', '6', '--out', str(out)])
    selection.main()
    report = json.loads(out.read_text())
    rows = {row['iteration']: row for row in report['runs'][str(run)]}
    assert list(rows) == [2, 4, 6, 8, 10]  # the damaged one has no mIoU
    tested = build_runner(Config.fromfile(next(run.glob('*.py'))))
    tested._load_from = str(run / 'iter_4.pth')
    assert rows[4]['mIoU'] == pytest.approx(tested.test()['mIoU'])
    assert len({row['mIoU'] for row in rows.values()}) > 3
    assert {'flip_agreement', 'teacher_agreement', 'rank average'} <= {row['criterion'] for row in report['table']}
