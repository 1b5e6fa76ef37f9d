"""The peak that is computed without a device is that of the same step on the CPU."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_peak_of_the_fake_device_is_that_of_the_cpu(request):
    root = request.config.rootpath
    environment = os.environ | {'PYTHONPATH': os.pathsep.join((str(root), str(root / 'tests'))), 'OMP_NUM_THREADS': '1'}
    config = str(root / 'configs/i2vda/deeplabv2_r18_streetworld.py')
    command = [sys.executable, '-m', 'gpu_rehearsal.measure', config]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peaks = json.loads(done.stdout.splitlines()[-1])
    assert peaks['fake'] == pytest.approx(peaks['cpu'], rel=0.1)
