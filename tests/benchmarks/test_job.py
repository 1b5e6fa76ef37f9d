import sys
import time

import pytest

from benchmarks.suites.job import Job
from benchmarks.suites.step import Step


def run(job, folder):
    until = time.monotonic() + 20
    while not job.advance(folder, {}):
        assert time.monotonic() < until
        job.wait()


@pytest.mark.parametrize(
    ('code', 'starts', 'reason'),
    [
        ('os.kill(os.getpid(), 15)', 4, 'signal 15 4 times without a new checkpoint'),
        ('os.kill(os.getpid(), 10)', 4, 'signal 10 4 times without a new checkpoint'),
        ('os.kill(os.getpid(), 9)', 1, 'signal 9: start'),
        ('sys.exit(1)', 1, 'exit code 1: start'),
    ],
)
def test_only_what_was_asked_to_stop_is_started_again(tmp_path, code, starts, reason):
    command = (sys.executable, '-I', '-S', '-c', f'import os, sys; print("start", flush=True); {code}')
    job = Job(3, None, iter([Step('test of nothing', command, tmp_path / 'log')]), 1.0)
    run(job, tmp_path)
    assert (tmp_path / 'log').read_text() == 'start\n' * starts
    assert reason in job.failure


def test_it_tells_whether_a_step_had_been_done_before(tmp_path):
    log, command = tmp_path / 'log', (sys.executable, '-I', '-S', '-c', '')
    for skipped in (False, True):
        steps = Step('first of two', command, log, tmp_path / 'done'), Step('second of two', command, log)
        job = Job(3, None, iter(steps), 1.0)
        run(job, tmp_path)
        assert (job.failure, job.skipped) == (None, skipped)
        assert sorted(job.seconds) == (['second'] if skipped else ['first', 'second'])
