"""Choosing a checkpoint without labels: while training, and afterwards."""

from copy import deepcopy
from pathlib import Path

import pytest

from i2vda_mmseg.apis.launch import build_runner
from i2vda_mmseg.evaluation.label_free.label_free_selection import HISTORY

ONLINE = {
    'val_evaluator': dict(type='LabelFreeSelection', _delete_=True),
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
