"""The examples, as programs of their own."""

import ast
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.runtime import FrameLabeller, open_network


def test_a_frame_becomes_a_mask(exported, frames, tmp_path, request):
    (model,) = (path for path in exported[2] if path.suffix == '.onnx')
    labeller = FrameLabeller(open_network(model))
    frame = np.ascontiguousarray(np.roll(frames[0][:32, :64], 1))  # of the size that the config tests at
    Image.fromarray(frame[..., ::-1]).save(tmp_path / 'frame.png')
    example = request.config.rootpath / 'examples' / 'label_frame.py'
    command = [sys.executable, example, model, tmp_path / 'frame.png', tmp_path / 'mask.png']
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    mask, labels = Image.open(tmp_path / 'mask.png'), labeller(frame)
    np.testing.assert_array_equal(np.asarray(mask), labels)
    expected = np.array(labeller.palette, np.uint8)[labels]
    np.testing.assert_array_equal(np.asarray(mask.convert('RGB')), expected)
    shares = ast.literal_eval(ran.stdout)
    assert sum(shares.values()) == pytest.approx(1, abs=0.02)
