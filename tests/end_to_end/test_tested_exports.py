"""tools/test.py on exports: the figures of the network that they were made of."""

import json
import re
import runpy
import sys
from copy import deepcopy

import pytest

from i2vda_mmseg.apis.export_testing import compare_miou
from i2vda_mmseg.apis.testing import add_temporal_consistency


@pytest.fixture
def tested(request, monkeypatch, capsys, tmp_path):
    """Run the tool in this process; gives its exit code, what it said and its figures."""
    path = str(request.config.rootpath / 'tools' / 'test.py')

    def call(config, checkpoint, *arguments):
        folder = tmp_path / f'tested_{checkpoint.name}'
        monkeypatch.setattr(sys, 'argv', [path, *map(str, (config, checkpoint, '--work-dir', folder, *arguments))])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(path, run_name='__main__')
        file = folder / 'metrics.json'
        return ended.value.code, capsys.readouterr().err, json.loads(file.read_text()) if file.is_file() else {}

    return call


def test_an_export_has_the_figures_of_its_network(exported, tested, tmp_path):
    config, checkpoint, results = exported
    config.dump(tmp_path / 'config.py')
    _, _, expected = tested(tmp_path / 'config.py', checkpoint, '--tc')
    assert 0 < expected['mIoU'] < 100
    assert 'exported_from' not in expected
    config = deepcopy(config)
    add_temporal_consistency(config)  # as in the config that a test with --tc leaves
    config.dump(tmp_path / 'config.py')
    for path in results:
        code, said, found = tested(tmp_path / 'config.py', path, '--tc')
        assert code == 0, said
        assert found['mIoU'] == pytest.approx(expected['mIoU'], abs=0.05)
        assert found['TC'] == pytest.approx(expected['TC'], abs=2e-3)
        assert found['exported_from']['checkpoint'] == checkpoint.name


@pytest.mark.parametrize(('option', 'message'), [
    ('test_dataloader.dataset.class_space=synthia12', r'predicts 15 classes'),
    ('test_dataloader.dataset.pipeline.1.keep_ratio=True', r'resizes frames to \(64, 32\) \(keep_ratio=False'),
    ('tc_evaluator.warping=probs', r"tc_evaluator\.warping: 'probs' compares logits, but an export gives labels"),
])  # fmt: skip
def test_configs_of_something_else_are_refused(exported, tested, tmp_path, option, message):
    config, _, results = exported
    config.dump(tmp_path / 'config.py')
    code, said, found = tested(tmp_path / 'config.py', next(iter(results)), '--tc', '--cfg-options', option)
    assert (code, found) == (1, {})
    assert 'Traceback' not in said
    assert re.search(message, said), said


def test_augmentation_is_of_checkpoints(exported, tested, tmp_path):
    config, _, results = exported
    config.dump(tmp_path / 'config.py')
    code, said, _ = tested(tmp_path / 'config.py', next(iter(results)), '--tta')
    assert code == 1
    assert '--tta reads frames at several sizes, but an export resizes them itself' in said


def test_miou_beside_that_of_the_network(exported, tmp_path):
    config, checkpoint, results = exported
    paths = list(results)
    found = compare_miou(config, checkpoint, paths)
    assert list(found) == ['PyTorch', *(path.name for path in paths)]
    assert 0 < found['PyTorch'] < 100
    assert all(value == pytest.approx(found['PyTorch'], abs=0.05) for value in found.values())
    assert compare_miou(config, checkpoint, [], limit=1) != {'PyTorch': found['PyTorch']}  # fewer frames
    moved = deepcopy(config)
    moved.test_dataloader.dataset.data_root = str(tmp_path / 'nowhere')
    assert compare_miou(moved, checkpoint, paths) is None
