"""Exports in an environment of their own, which has what ``pip install i2vda_mmseg[runtime]`` brings and no more."""

import importlib.metadata
import subprocess
import venv
from pathlib import Path

import cv2
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.fileio.video_reader import VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter


def needed(requirements):
    """Distributions that pip would install for requirements, from what is installed here."""
    found, waiting = {}, [Requirement(line) for line in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({'extra': ''})):
            continue
        found[name] = importlib.metadata.distribution(requirement.name)
        waiting += [Requirement(line) for line in found[name].requires or []]
    return found


@pytest.fixture(scope='module')
def python(tmp_path_factory, request):
    """The interpreter of an environment with the runtimes, without a network: its packages are links to those here."""
    root, folder = request.config.rootpath, tmp_path_factory.mktemp('fresh')
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob('lib/python*/site-packages')
    lines = [
        line
        for name in ('runtime', 'runtimes')
        for line in (root / f'requirements/{name}.txt').read_text().splitlines()
    ]
    for each in needed(line for line in lines if line and not line.startswith('#')).values():
        for top in {
            Path(str(file)).parts[0] for file in each.files if Path(str(file)).parts[0] not in {'..', '__pycache__'}
        }:
            if not (site / top).exists():
                (site / top).symlink_to(each.locate_file(top))
    (site / 'i2vda_mmseg').symlink_to(root / 'i2vda_mmseg')
    return folder / 'bin' / 'python'


@pytest.mark.slow
def test_exports_run_where_there_is_no_torch(python, exported, frames, tmp_path, request):
    config, checkpoint, results = exported
    environment = {'PATH': '/usr/bin:/bin', 'HOME': str(tmp_path)}
    run = dict(env=environment, capture_output=True, text=True, cwd=tmp_path)
    lacking = subprocess.run([python, '-c', 'import torch'], check=False, **run)
    assert "No module named 'torch'" in lacking.stderr
    with VideoWriter(tmp_path / 'in.mp4', 25) as writer:
        for i in range(4):
            writer.write(np.roll(cv2.resize(frames[0], (64, 32)), 3 * i, axis=1))
    predictor = FramePredictor.load(config, checkpoint)
    expected = [predictor(frame).numpy() for frame in VideoReader(tmp_path / 'in.mp4')]
    tool = request.config.rootpath / 'tools' / 'segment_video.py'
    for path in (each for each in results if each.suffix in {'.onnx', '.xml'}):
        masks = tmp_path / path.suffix
        ran = subprocess.run(
            [python, tool, path, 'in.mp4', '--masks', masks, '--out', 'out.mp4', '--threads', '1'], check=False, **run
        )
        assert ran.returncode == 0, ran.stderr
        for number, labels in enumerate(expected):
            found = cv2.imread(str(masks / f'{number:06d}.png'), cv2.IMREAD_UNCHANGED)
            assert (found == labels).mean() > 0.999
        assert VideoReader(tmp_path / 'out.mp4').count() == 4
    trains = subprocess.run([python, '-m', 'i2vda_mmseg.entry'], check=False, **run)
    assert trains.returncode == 0, trains.stderr
    refused = subprocess.run(
        [python, '-c', "from i2vda_mmseg.entry import main; main(['train', 'config.py'])"], check=False, **run
    )
    assert refused.returncode == 1
    assert 'i2vda_mmseg needs torch' in refused.stderr
    assert 'Traceback' not in refused.stderr
