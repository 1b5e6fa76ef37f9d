"""tools/segment_video.py with exports, as on a machine without torch."""

import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from i2vda_mmseg.engine.frame_predictor import FramePredictor, SmoothedPredictor
from i2vda_mmseg.fileio.video_reader import VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter
from i2vda_mmseg.runtime import ProbabilitySmoother, command

WITHOUT_TORCH = """
import runpy, sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {'torch', 'mmengine', 'mmcv', 'mmseg', 'cv2', 'PIL'}:
            raise ModuleNotFoundError(f'{name} is not to be imported')
sys.meta_path.insert(0, Forbidden())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.parametrize(('ending', 'runtime'), [('.onnx', 'ONNX Runtime'), ('.xml', 'OpenVINO')])
def test_the_tool_runs_exports_without_torch(exported, frames, tmp_path, request, ending, runtime):
    config, checkpoint, results = exported
    (model,) = (path for path in results if path.suffix == ending)
    tool = request.config.rootpath / 'tools' / 'segment_video.py'
    with VideoWriter(tmp_path / 'in.mp4', 25) as writer:
        for i in range(5):
            writer.write(np.roll(cv2.resize(frames[0], (64, 32)), 3 * i, axis=1))
    arguments = [
        model,
        tmp_path / 'in.mp4',
        '--out',
        tmp_path / 'out.mp4',
        '--masks',
        tmp_path / 'masks',
        '--batch',
        '2',
    ]
    ran = subprocess.run(
        [sys.executable, '-c', WITHOUT_TORCH, tool, *map(str, arguments)],
        env=os.environ | {'PYTHONPATH': str(request.config.rootpath)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert re.match(rf'5 frames in [\d.]+ s, [\d.]+ a second, by {runtime}: .*out\.mp4\n', ran.stdout)
    assert VideoReader(tmp_path / 'out.mp4').count() == 5
    predictor = FramePredictor.load(config, checkpoint)
    for number, frame in enumerate(VideoReader(tmp_path / 'in.mp4')):
        labels = cv2.imread(str(tmp_path / 'masks' / f'{number:06d}.png'), cv2.IMREAD_UNCHANGED)
        assert (labels == predictor(frame).numpy()).mean() > 0.999


@pytest.mark.parametrize(('arguments', 'code', 'message'), [
    (['none.onnx', 'in.mp4', '--out', 'o.mp4'], 1, 'segment_video: no exported network at none.onnx'),
    (['MODEL', 'none.mp4', '--out', 'o.mp4'], 1, 'segment_video: there is no video and no folder at none.mp4'),
    (['MODEL', 'in.mp4'], 2, 'nothing to do: give --out, --masks, --serve or several of them'),
    (['MODEL', 'in.mp4', '--live', '--out', 'o.mp4'], 2, '--live: in.mp4 is a file'),
    (['MODEL', 'camera:77', '--out', 'o.mp4'], 1, 'segment_video: camera:77 does not answer'),
    (['MODEL', 'in.mp4', '--out', 'o.mp4', '--size', '0x2'], 1, '--size: expected WIDTHxHEIGHT'),
])  # fmt: skip
def test_mistakes_are_one_sentence(exported, tmp_path, monkeypatch, capsys, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['tools/segment_video.py', *arguments])
    (model,) = (path for path in exported[2] if path.suffix == '.onnx')
    sys.argv[1:] = [str(model) if each == 'MODEL' else each for each in arguments]
    with pytest.raises(SystemExit) as ended:
        command.run()
    said = capsys.readouterr().err
    assert ended.value.code == code
    assert message in said
    assert 'Traceback' not in said


def test_smoothed_labels_are_those_of_the_network_in_pytorch(exported, frames, tmp_path, capsys):
    config, checkpoint, results = exported
    (model,) = (path for path in results if path.suffix == '.onnx')
    with VideoWriter(tmp_path / 'in.mp4', 25) as writer:
        for i in range(6):
            writer.write(np.roll(cv2.resize(frames[i % 2], (64, 32)), i, axis=1))
    arguments = ['--masks', tmp_path / 'masks', '--smooth', '0.6', '--batch', '4', '--threads', '1']
    command.main([str(model), str(tmp_path / 'in.mp4'), *map(str, arguments)])
    said = capsys.readouterr().out
    assert re.search(r'smoothing: \d+ ms a frame for two flows and the average, 0\.1 MB kept of the frame before', said)
    alone = FramePredictor.load(config, checkpoint)
    smoothed = SmoothedPredictor(FramePredictor.load(config, checkpoint), ProbabilitySmoother(0.6))
    changed = 0
    for number, frame in enumerate(VideoReader(tmp_path / 'in.mp4')):
        labels = cv2.imread(str(tmp_path / 'masks' / f'{number:06d}.png'), cv2.IMREAD_UNCHANGED)
        assert (labels == smoothed(frame).numpy()).mean() > 0.999
        changed += (labels != alone(frame).numpy()).mean() > 0.01
    assert changed >= 3
