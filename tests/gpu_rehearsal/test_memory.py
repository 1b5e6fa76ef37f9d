"""The peak that is computed without a device is that of the same step on the CPU."""

import json

import pytest
from forks import run_python


@pytest.mark.slow
def test_peak_of_the_fake_device_is_that_of_the_cpu(request):
    root = request.config.rootpath
    done = run_python('-m', 'gpu_rehearsal.measure', root / 'configs/i2vda/deeplabv2_r18_streetworld.py')
    assert done.returncode == 0, done.stderr
    peaks = json.loads(done.stdout.splitlines()[-1])
    assert peaks['fake'] == pytest.approx(peaks['cpu'], rel=0.1)
