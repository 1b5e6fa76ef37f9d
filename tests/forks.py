"""Run what ``python`` would run, in a process that is forked from one that has imported everything once.

Importing the package takes seconds of a processor, and a tool that trains for four iterations takes less.
"""

import multiprocessing
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from unittest.mock import patch

import coverage
import torch
from torch.multiprocessing import start_processes

FORKS = multiprocessing.get_context('forkserver')
FORKS.set_forkserver_preload(['i2vda_mmseg'])


class Fork:
    """A process that runs ``python *arguments``: a script, ``-m`` and a module, or ``-c`` and code.

    Its exit code and what it says are those of an interpreter; what that registers with ``atexit`` is left out.
    """

    def __init__(self, *arguments, cwd=None, environment=None):
        self.words = [str(argument) for argument in arguments]
        self._said = Path(tempfile.mkdtemp(prefix='fork'))
        environment = dict(os.environ if environment is None else environment)
        self._process = FORKS.Process(target=_become, args=(self.words, cwd or os.getcwd(), environment, self._said))
        self._process.start()

    def finish(self):
        """Wait for its end."""
        self._process.join()
        said = [(self._said / name).read_text() for name in ('out', 'err')]
        shutil.rmtree(self._said)
        return subprocess.CompletedProcess(self.words, self._process.exitcode, *said)


def run_python(*arguments, **options):
    """Run ``python *arguments`` and wait for its end, as ``subprocess.run`` does with captured text."""
    return Fork(*arguments, **options).finish()


def plain_configs():
    """Write configs as they are: to lay out their text takes longer than the small runs whose logs hold it."""
    return patch('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, False))


def fork_what_is_spawned(monkeypatch):
    """Let processes that the package spawns be forked: spawned, each of them would import everything."""
    context = multiprocessing.get_context
    monkeypatch.setattr(multiprocessing, 'get_context', lambda kind=None: FORKS if kind == 'spawn' else context(kind))
    forking = partial(start_processes, start_method=FORKS.get_start_method())
    monkeypatch.setattr(torch.multiprocessing, 'spawn', forking)


def _become(words, cwd, environment, said):
    for number, name in ((1, 'out'), (2, 'err')):
        descriptor = os.open(said / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    if tracing := coverage.Coverage.current():
        tracing.stop()
    kind, *rest = words
    sys.argv = ['-c', *rest[1:]] if kind == '-c' else rest if kind == '-m' else words
    sys.path.insert(0, cwd if kind in {'-c', '-m'} else str(Path(kind).resolve().parent))
    with plain_configs():
        if kind == '-c':
            exec(compile(rest[0], '<string>', 'exec'), {'__name__': '__main__'})
        elif kind == '-m':
            runpy.run_module(rest[0], run_name='__main__', alter_sys=True)
        else:
            runpy.run_path(kind, run_name='__main__')
