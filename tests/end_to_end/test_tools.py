"""The command lines, as a user calls them."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch
from forks import Fork


@pytest.fixture
def call(request):
    """Run a tool from the checkout's root, in one process or on several ranks; gives what it said."""
    root = request.config.rootpath

    def run(*arguments, expect=0, ranks=None):
        forks = [Fork(*arguments, cwd=root, environment=os.environ | each) for each in ranks or [{}]]
        finished = [fork.finish() for fork in forks]
        for done in finished:
            assert done.returncode == expect, done.stdout[-2000:] + done.stderr[-4000:]
        return finished[0].stdout + finished[0].stderr

    return run


def free_port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return str(free.getsockname()[1])


def as_torchrun(count):
    """The variables by which torchrun tells ranks of this machine of each other."""
    shared = dict(WORLD_SIZE=str(count), LOCAL_WORLD_SIZE=str(count), MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port())
    return [dict(shared, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(count)]


@pytest.mark.slow
def test_train_resume_test_and_export(call, tiny_config, tmp_path):
    work_dir = tmp_path / 'work'
    config = tmp_path / 'i2vda.py'
    tiny_config('i2vda', work_dir).dump(config)
    call('tools/train.py', config, '--cfg-options', 'train_cfg.max_iters=3')
    said = call('tools/train.py', config, '--resume')
    assert (work_dir / 'iter_6.pth').is_file()
    assert 'resumed epoch: 0, iter: 3' in said

    said = call(
        'tools/test.py', config, work_dir / 'iter_6.pth', '--out', tmp_path / 'out', '--show-dir', tmp_path / 'shown'
    )
    report = json.loads((work_dir / 'metrics.json').read_text())
    assert report['protocol'] == 'viper15'
    assert list(report['IoU'])[:3] == ['road', 'sidewalk', 'building']
    values = [value for value in report['IoU'].values() if value is not None]
    assert report['mIoU'] == pytest.approx(sum(values) / len(values))
    assert report['checkpoint'] == str(work_dir / 'iter_6.pth')
    assert report['versions'].keys() >= {'i2vda_mmseg', 'torch', 'mmengine', 'mmcv', 'mmseg'}
    assert len(list((tmp_path / 'out' / 'leftImg8bit_sequence' / 'val').glob('*/*.png'))) == 2
    assert len(list((tmp_path / 'shown').rglob('*.png'))) == 2

    said = call('tools/export.py', work_dir / 'iter_6.pth', tmp_path / 'stock.pth', '--config', config)
    assert 'stock.pth' in said
    assert (tmp_path / 'stock.py').is_file()


@pytest.mark.slow
@pytest.mark.ddp
def test_two_processes_save_the_keys_of_one_and_resume_on_two_and_on_one(call, tiny_config, tmp_path, request):
    config = tmp_path / 'i2vda.py'
    tiny_config('i2vda', tmp_path / 'two').dump(config)
    command = ['bash', 'tools/dist_train.sh', str(config), '2']
    environment = os.environ | {'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable, 'PORT': free_port()}
    done = subprocess.run(
        command, cwd=request.config.rootpath, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    again = ('--work-dir', tmp_path / 'two_again', '--resume', tmp_path / 'two/iter_3.pth')
    call('tools/train.py', config, *again, '--launcher', 'pytorch', ranks=as_torchrun(2))
    said = call('tools/train.py', config, '--work-dir', tmp_path / 'one', '--resume', tmp_path / 'two/iter_3.pth')
    assert 'do not match' not in said
    states = [
        torch.load(tmp_path / name / 'iter_6.pth', weights_only=False)['state_dict']
        for name in ('two', 'two_again', 'one')
    ]
    assert list(states[0]) == list(states[1]) == list(states[2])
    assert not any('.module.' in key or key.startswith('flow_estimator') for key in states[0])
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_missing_config_and_a_missing_checkpoint_are_named(call, tiny_config, tmp_path):
    assert 'no config file at configs/i2vda/absent.py' in call('tools/train.py', 'configs/i2vda/absent.py', expect=1)
    config = tmp_path / 'c.py'
    tiny_config('source_only', tmp_path / 'w').dump(config)
    assert 'no checkpoint at absent.pth' in call('tools/test.py', config, 'absent.pth', expect=1)
