"""tools/slurm_train.sh, with programs that stand in for Slurm's and write down how they were called."""

import os
import subprocess

import pytest

CALLED = '#!/usr/bin/env bash\nprintf "%s\\n" "$@" > "$CALLS/${0##*/}"\n'
PROGRAMS = {
    'srun': CALLED + 'exit "${SRUN_SAYS:-0}"\n',
    'sbatch': CALLED + 'cat > "$CALLS/job.sh"\n',
    'scontrol': CALLED,
}


@pytest.fixture
def slurm(request, tmp_path):
    """Call a script where there are such programs; its exit code and what each of them was given."""
    programs, calls = tmp_path / 'bin', tmp_path / 'calls'
    programs.mkdir()
    calls.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    own = dict(PATH=f'{programs}:{os.environ["PATH"]}', CALLS=str(calls), PYTHON='python3', SLURM_JOB_ID='7')

    def run(*command, **environment):
        done = subprocess.run(
            ['bash', *command], cwd=request.config.rootpath, env=os.environ | own | environment, check=False
        )
        return done.returncode, {path.name: path.read_text().splitlines() for path in calls.iterdir()}

    return run


TRAIN = ['python3', '-u', 'tools/train.py', 'my config.py', '--launcher', 'slurm', '--resume', 'auto']
TYPED = ('tools/slurm_train.sh', 'main', 'job', 'my config.py', '--resume', 'auto')


def test_a_run_that_is_waited_for(slurm):
    settings = dict(GPUS='8', GPUS_PER_NODE='4', GRACE='60', SRUN_ARGS='--time=5 --exclusive')
    code, called = slurm(*TYPED, **settings, SRUN_SAYS='75')
    assert code == 75
    assert called['srun'][-len(TRAIN) :] == TRAIN
    assert {'--ntasks=8', '--gres=gpu:4', '--signal=USR2@60', '--time=5', '--exclusive'} < set(called['srun'])
    assert set(called) == {'srun'}


@pytest.mark.parametrize(('said', 'requeues'), [('0', False), ('1', False), ('75', True), ('143', False)])
def test_a_job_that_comes_back_when_it_was_asked_to_stop(slurm, tmp_path, said, requeues):
    code, called = slurm(*TYPED, REQUEUE='1', SBATCH_ARGS='--time=5 --output=log')
    assert code == 0
    assert {'--requeue', '--open-mode=append', '--signal=USR2@120', '--time=5', '--output=log'} < set(called['sbatch'])
    assert 'srun' not in called
    code, called = slurm(tmp_path / 'calls/job.sh', SRUN_SAYS=said)
    assert code == int(said)
    assert called['srun'] == ['--kill-on-bad-exit=1', '--cpus-per-task=5', *TRAIN]
    assert called.get('scontrol') == (['requeue', '7'] if requeues else None)


def test_too_few_arguments(slurm):
    assert slurm('tools/slurm_train.sh', 'main', 'job') == (2, {})
