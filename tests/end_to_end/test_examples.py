"""The examples, as programs of their own."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino
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


def build(example, binary, *arguments):
    """Compile an example; skip where there is no compiler or the headers of its runtime are not installed."""
    if shutil.which('g++') is None:
        pytest.skip('needs g++')
    built = subprocess.run(
        ['g++', '-std=c++17', '-Wall', example, *arguments, '-o', binary], capture_output=True, text=True, check=False
    )
    if 'onnxruntime_cxx_api.h: No such file' in built.stderr:
        pytest.skip("needs ONNX Runtime's headers; name its folder in ONNXRUNTIME_ROOT")
    assert built.returncode == 0, built.stderr
    return binary


def openvino_arguments():
    folder = Path(openvino.__file__).parent
    (library,) = (folder / 'libs').glob('libopenvino.so.*')
    return [f'-I{folder / "include"}', library, f'-Wl,-rpath,{folder / "libs"}']


def onnxruntime_arguments():
    root = os.environ.get('ONNXRUNTIME_ROOT')
    places = [f'-I{root}/include', f'-L{root}/lib', f'-Wl,-rpath,{root}/lib'] if root else []
    return [*places, '-lonnxruntime']


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'arguments', 'endings'),
    [
        ('label_frame_openvino.cpp', openvino_arguments, ('.xml', '.onnx')),
        ('label_frame.cpp', onnxruntime_arguments, ('.onnx',)),
    ],
)
def test_a_frame_becomes_a_mask_in_cpp(exported, frames, tmp_path, request, name, arguments, endings):
    program = build(request.config.rootpath / 'examples' / name, tmp_path / 'label_frame', *arguments())
    frame = np.ascontiguousarray(np.roll(frames[0][:32, :64], 1))
    Image.fromarray(frame[..., ::-1]).save(tmp_path / 'frame.ppm')
    for model in (path for path in exported[2] if path.suffix in endings):
        command = [program, model, tmp_path / 'frame.ppm', tmp_path / 'mask.pgm']
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        labels = FrameLabeller(open_network(model))(frame)
        assert (np.asarray(Image.open(tmp_path / 'mask.pgm')) == labels).mean() > 0.999
        (tmp_path / 'cut.ppm').write_bytes((tmp_path / 'frame.ppm').read_bytes()[:-1])
        command[2] = tmp_path / 'cut.ppm'
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (1, f'label_frame: {tmp_path / "cut.ppm"} is cut short\n')
