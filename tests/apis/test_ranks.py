import os
import signal
import stat

import pytest
import torch

from i2vda_mmseg.apis import ranks
from i2vda_mmseg.engine.hooks.preemption_hook import SIGNALS

TORCHRUN = ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
SLURM = dict(
    SLURM_JOB_ID='20005', SLURM_STEP_ID='0', SLURM_PROCID='5', SLURM_NTASKS='8', SLURM_LOCALID='1',
    SLURM_JOB_NODELIST='node[3-4]',
)  # fmt: skip


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    """Be started by nobody."""
    for name in (*TORCHRUN, 'LOCAL_RANK', *SLURM):
        monkeypatch.setenv(name, '')  # so that what the code sets is taken back, too
        monkeypatch.delenv(name)


@pytest.fixture
def met(monkeypatch):
    """Record what would join the ranks, on a machine with or without a GPU."""
    calls = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', lambda **options: calls.append(options))

    def prepare(launcher, has_gpu=False, **environment):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: has_gpu)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return ranks.prepare_ranks(launcher), calls

    return prepare


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """Stand in for Slurm's own program, which knows how it writes lists of machines."""
    program = tmp_path / 'scontrol'
    program.write_text('#!/bin/sh\n[ "$*" = "show hostnames node[3-4]" ] && printf "node3\\nnode4\\n"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')


def test_one_process_meets_nobody(met):
    assert met('none') == (None, [])


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm', 'mpi'])
def test_ranks_with_a_gpu_are_left_to_mmengine(met, launcher):
    assert met(launcher, has_gpu=True) == (None, [])


def test_ranks_without_a_gpu_talk_through_gloo(met):
    assert met('pytorch', **dict.fromkeys(TORCHRUN, '0')) == ('gloo', [dict(backend='gloo')])


def test_ranks_of_slurm_without_a_gpu_talk_through_gloo(met, scontrol):
    assert met('slurm', **SLURM) == ('gloo', [dict(backend='gloo')])
    found = [os.environ[name] for name in (*TORCHRUN, 'LOCAL_RANK')]
    assert found == ['5', '8', 'node3', '10005', '1']


@pytest.mark.parametrize('has_gpu', [False, True])
def test_a_meeting_place_that_is_named_is_kept(met, scontrol, has_gpu):
    met('slurm', has_gpu, **SLURM, MASTER_ADDR='node4', MASTER_PORT='29500')
    assert (os.environ['MASTER_ADDR'], os.environ['MASTER_PORT']) == ('node4', '29500')


def test_jobs_and_steps_on_one_machine_meet_at_ports_of_their_own(met):
    met('slurm', has_gpu=True, **SLURM)
    assert os.environ['MASTER_PORT'] == '10005'
    steps = [dict(SLURM_JOB_ID=str(job), SLURM_STEP_ID=str(step)) for job in range(100, 120) for step in range(10)]
    ports = {ranks.slurm_port(step) for step in steps}
    assert len(ports) == len(steps)
    assert min(ports) >= 10000
    assert max(ports) < 30000


@pytest.mark.parametrize(('launcher', 'said'), [
    ('mpi', '--launcher mpi needs a GPU on every rank.*dist_train'),
    ('slurm', r"--launcher slurm expects srun.*'SLURM_PROCID', 'SLURM_NTASKS'.*'SLURM_JOB_NODELIST'.*slurm_train"),
    ('pytorch', r"torchrun.*'RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'.*dist_train"),
])  # fmt: skip
def test_a_launcher_that_did_not_start_this_process(met, launcher, said):
    with pytest.raises(RuntimeError, match=said):
        met(launcher)


def test_torchrun_that_set_too_little(met):
    with pytest.raises(RuntimeError, match=r"it sets \['WORLD_SIZE', 'MASTER_ADDR'\]"):
        met('pytorch', RANK='0', MASTER_PORT='29500')


def test_a_rank_that_leaves_cannot_be_stopped_while_it_waits_for_the_others(monkeypatch):
    """Slurm and torchrun end the ranks that are later than the first one, and would report their end as a failure."""
    left = []
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)
    monkeypatch.setattr(torch.distributed, 'get_backend', lambda: 'gloo')
    monkeypatch.setattr(torch.distributed, 'barrier', lambda: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr(ranks, 'leave_at_once', left.append)
    monkeypatch.setattr(torch.distributed, 'destroy_process_group', lambda: None)
    handlers = [signal.getsignal(number) for number in SIGNALS]
    try:
        ranks.leave_process_group(75)
    finally:
        for number, handler in zip(SIGNALS, handlers):
            signal.signal(number, handler)
    assert left == [75]
