"""Slurm itself runs, stops and requeues trainings of two ranks: ``make stress``, or name this file to pytest.

Skips where Slurm is not installed; ``stress.slurm`` names the packages.
"""

import shutil
import tempfile
import time
from pathlib import Path

import pytest
from stress import runs, slurm

PAUSE = {'custom_imports.imports': ['i2vda_mmseg', 'stress.slurm'], 'custom_hooks': [dict(type='Pause', seconds=0)]}


@pytest.fixture(scope='module')
def cluster():
    reason = slurm.reason_to_skip()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix='slurm_', dir='/tmp'))  # short: the path of a socket has 107 letters at most
    try:
        with slurm.cluster(folder) as found:
            runs.say(found.ask('sinfo', '--version'))
            yield found
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope='module')
def whole(cluster, tmp_path_factory):
    """The config of a run, and what it ends with when torchrun starts it and nobody stops it."""
    folder = tmp_path_factory.mktemp('slurm')
    config = runs.write_config(folder, iterations=60, interval=20, **PAUSE)
    runs.finish(config, folder / 'whole', ranks=slurm.TASKS, PYTHONPATH=cluster.environment['PYTHONPATH'])
    return config, runs.final_state(folder / 'whole')


def paused(seconds):
    return '--cfg-options', f'custom_hooks.0.seconds={seconds}'


def assert_went_on(job, work_dir, expected):
    log = slurm.log_of(work_dir).read_text()
    assert job['JobState'] == 'COMPLETED', f'{job}\n{log[-4000:]}'
    assert int(job['Restarts']) > 0, 'the run was over before Slurm asked it to stop'
    stops = [line.partition('asked to stop: ')[2] for line in log.splitlines() if 'asked to stop: ' in line]
    runs.say(f'{job["Restarts"]} restart(s); {"; ".join(stops)}')
    assert all(stop.startswith('saved after') for stop in stops)
    assert len(stops) == int(job['Restarts'])
    found = runs.differences(expected, runs.final_state(work_dir))
    assert found == [], found[:5]


def test_a_run_whose_time_is_up_requeues_itself_and_ends_like_one_that_had_all_the_time(cluster, whole, tmp_path):
    """Of two minutes, less one of grace, Slurm gives up to half a minute less: it looks every 30 seconds."""
    config, expected = whole
    work_dir = tmp_path / 'run'
    job = cluster.finish(cluster.submit(config, work_dir, *paused(1), limit='2', GRACE='60'))
    assert_went_on(job, work_dir, expected)


def test_a_run_that_makes_way_for_an_urgent_job_goes_on_after_it(cluster, whole, tmp_path):
    config, expected = whole
    work_dir = tmp_path / 'run'
    number = cluster.submit(config, work_dir, *paused(0.5))
    cluster.wait_for_iterations(work_dir)
    urgent = cluster.ask('sbatch', '-p', 'urgent', '--gres=gpu:2', '--output=/dev/null', '--wrap', 'sleep 2').split()[
        -1
    ]
    job = cluster.finish(number)
    assert cluster.job(urgent)['JobState'] == 'COMPLETED'
    assert_went_on(job, work_dir, expected)


def test_a_run_that_is_cancelled_stays_so(cluster, whole, tmp_path):
    work_dir = tmp_path / 'run'
    number = cluster.submit(whole[0], work_dir, *paused(0.5))
    cluster.wait_for_iterations(work_dir)
    cluster.ask('scancel', number)
    job = cluster.finish(number)
    time.sleep(2)
    assert cluster.job(number)['JobState'] == job['JobState'] == 'CANCELLED'
    assert job['Restarts'] == '0'


def test_a_mistake_in_the_config_ends_a_job(cluster, whole, tmp_path):
    job = cluster.finish(cluster.submit(whole[0], tmp_path / 'run', '--cfg-options', 'train_cfg.max_iter=7'))
    log = (tmp_path / 'run.log').read_text()
    assert (job['JobState'], job['ExitCode'], job['Restarts']) == ('FAILED', '1:0', '0'), log
    assert "train_cfg.max_iter: IterBasedTrainLoop takes no 'max_iter'" in log
    assert 'Traceback' not in log


def test_without_a_batch_job_a_run_that_is_stopped_says_75(cluster, whole, tmp_path):
    work_dir = tmp_path / 'run'
    process = cluster.start(whole[0], work_dir, *paused(0.5))
    cluster.wait_for_iterations(work_dir)
    cluster.ask('scancel', '--signal=USR2', '--name=street')
    assert process.wait(timeout=60) == 75, slurm.log_of(work_dir).read_text()[-4000:]
