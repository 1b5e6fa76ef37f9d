"""Exports of ExecuTorch; all but the first test need ``pip install -r requirements/executorch.txt``."""

import importlib.util
import sys

import numpy as np
import pytest

from i2vda_mmseg.apis.export_runtimes import ExportSettings, export_runtimes
from i2vda_mmseg.engine.executorch_program import open_executorch
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.runtime import FrameLabeller

SETTINGS = ExportSettings(('onnx', 'executorch'), ('logits', 'labels'))
needs_executorch = pytest.mark.skipif(not importlib.util.find_spec('executorch'), reason='needs ExecuTorch')


def test_without_executorch_the_format_says_what_to_install(network, tmp_path, frames, monkeypatch):
    monkeypatch.setitem(sys.modules, 'executorch', None)
    config, checkpoint = network()
    with pytest.raises(ImportError, match=r'format executorch needs ExecuTorch.*i2vda_mmseg\[executorch\]'):
        export_runtimes(config, checkpoint, tmp_path / 'out' / 'net', frames, SETTINGS)
    assert not (tmp_path / 'out').exists()


@needs_executorch
def test_it_computes_what_the_method_tests_with_at_one_size(network, tmp_path, frames):
    config, checkpoint = network(is_deeplab=True)
    results = export_runtimes(config, checkpoint, tmp_path / 'net', frames, SETTINGS)
    path = tmp_path / 'net.pte'
    assert [(each.width, each.height, each.batch) for each in results[path]] == [(64, 32, 1), (64, 32, 2)]
    assert len(results[tmp_path / 'net.onnx']) == 4
    assert all(each.agreement == 1 and each.decided > 0.9 for each in results[path])
    labeller = FrameLabeller(open_executorch(path))
    assert labeller.network.card.checkpoint == checkpoint.name
    predictor = FramePredictor.load(config, checkpoint)
    for frame, labels in zip(frames, labeller.label(frames)):
        assert (labels == predictor(frame).numpy()).mean() > 0.99
    with pytest.raises(ValueError, match=r'net\.pte cannot label frames of 60x32 in ExecuTorch'):
        labeller.network(np.zeros((1, 3, 32, 60), np.uint8))


@needs_executorch
def test_broken_files_are_one_sentence(network, tmp_path, frames):
    config, checkpoint = network()
    (path,) = export_runtimes(config, checkpoint, tmp_path / 'net', frames, ExportSettings(('executorch',)))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r'net\.pte cannot be loaded by ExecuTorch: .*Copy it again, whole'):
        open_executorch(path)
    with pytest.raises(FileNotFoundError, match='no exported network'):
        open_executorch(tmp_path / 'none.pte')
