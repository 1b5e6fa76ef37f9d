"""Stages on two ranks."""

import os
from pathlib import Path

import pytest
import torch
from ddp import run_on_ranks
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from staged_runs import TARGET_PIPELINE, make_trees, rounds, train

FOLDER = 'I2VDA_TEST_FOLDER'  # the ranks are processes of their own


@HOOKS.register_module(force=True)
class OwnStatisticsHook(Hook):
    """Give a rank statistics of its own, as after images that it alone has seen; those of rank 0 stay."""

    def before_train(self, runner):
        for buffer in runner.model.buffers():
            buffer.add_(get_rank())


def self_training(rank):
    """Label at once, from the weights that every run starts with; then train through another stage."""
    folder = Path(os.environ[FOLDER])
    stages = rounds(0.4, 0.6, iters=2, pipeline=TARGET_PIPELINE)[1:]
    own = {'default_hooks.own_statistics': dict(type='OwnStatisticsHook')}
    runner = train(folder, folder / f'{torch.distributed.is_initialized()}', stages=stages, **own)
    return {name: value.detach() for name, value in runner.model.named_parameters()}


def pictures(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*.png')}


@pytest.mark.ddp
@pytest.mark.slow
def test_ranks_agree_and_label_as_one(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(make_trees(tmp_path)))
    monkeypatch.setenv('LOCAL_RANK', '0')  # which the runner asks for, to choose a GPU
    first, second = run_on_ranks(self_training, tmp_path)
    assert len(first) == 8
    assert [name for name, value in first.items() if not torch.equal(value, second[name])] == []
    self_training(0)
    together, alone = (pictures(tmp_path / name / 'pseudo_labels/stage_0') for name in ('True', 'False'))
    assert len(alone) == 6
    assert together == alone
    thresholds = [tmp_path / name / 'pseudo_labels/stage_0/thresholds.json' for name in ('True', 'False')]
    assert thresholds[0].read_text() == thresholds[1].read_text()
