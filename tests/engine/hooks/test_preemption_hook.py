"""Data workers of a run that may be asked to stop."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from ddp import run_on_ranks

from i2vda_mmseg.engine.hooks import PreemptionHook

# A loader as a run has it: its workers wait for more when the interpreter ends. Two interpreters, which import once.
SCRIPT = """
import os, sys, time
from functools import partial
from multiprocessing import active_children
from torch.utils.data import DataLoader
from i2vda_mmseg.engine.hooks.preemption_hook import _start_worker

quiet = os.fork()
loader = DataLoader(range(8), num_workers=2, persistent_workers=True, worker_init_fn=partial(_start_worker, None))
batches = iter(loader)
next(batches)
if quiet:
    for worker in active_children():
        os.spawnvp(os.P_WAIT, 'kill', ['kill', '-TERM', str(worker.pid)])
    time.sleep(0.5)
    assert all(worker.is_alive() for worker in active_children())
print('asked' if quiet else 'quiet', sum(int(batch) for batch in batches), flush=True)
if quiet:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(quiet, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(signal, 'sigwaitinfo'), reason='tells who sent a signal')
def test_workers_outlive_a_signal_from_elsewhere_but_not_their_process():
    environment = os.environ | {'OMP_NUM_THREADS': '1'}
    command = [sys.executable, '-c', SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(done.stdout.splitlines()) == ['asked 28', 'quiet 28']


def stopped_at(rank):
    """The iteration after which a rank leaves, of six; rank 1 alone is asked to, after the third."""
    hook = PreemptionHook()
    optimizer = SimpleNamespace(should_update=lambda: True)
    logger = SimpleNamespace(warning=lambda message: None)
    for iteration in range(6):
        hook.asked |= rank == 1 and iteration == 2
        try:
            hook.after_train_iter(SimpleNamespace(optim_wrapper=optimizer, hooks=[], iter=iteration, logger=logger), 0)
        except SystemExit as stop:
            return iteration, stop.code
        torch.distributed.barrier()
    return None


@pytest.mark.ddp
def test_one_rank_that_is_asked_stops_all_after_the_same_iteration(tmp_path):
    assert run_on_ranks(stopped_at, tmp_path) == [(2, 75), (2, 75)]
