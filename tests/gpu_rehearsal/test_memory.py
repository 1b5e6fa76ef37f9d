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


@pytest.mark.slow
def test_the_tool_shows_what_checkpointing_saves_and_keeps_earlier_rows(request, tmp_path):
    root, out = request.config.rootpath, tmp_path / 'memory.json'
    earlier = {'GiB': 1.5, 'parts': {}, 'fits': '8 GB'}
    out.write_text(json.dumps({'peaks': {'float32': {'a/b': earlier}, 'bfloat16': {'a/b': earlier}}}))
    command = [root / 'tools/analysis/memory.py', root / 'configs/source_only/deeplabv2_r101_viper2cs.py']
    command += ['--out', out, '--cfg-options', 'model.segmentor.backbone.depth=50']
    peaks = []
    for options in ([], ['model.segmentor.backbone.with_cp=True']):
        done = run_python(*command, *options)
        assert done.returncode == 0, done.stderr
        found = json.loads(out.read_text())['peaks']
        assert found['float32']['a/b'] == found['bfloat16']['a/b'] == earlier
        peaks.append(found['float32']['source_only/deeplabv2_r101_viper2cs'])
    kept, repeated = (peak['parts']['segmentor'] for peak in peaks)
    assert repeated < 0.7 * kept
    assert peaks[1]['GiB'] < peaks[0]['GiB']
