"""A suite whose commands take a moment, and benchmarks of it that can be killed."""

import json
import multiprocessing
import os
import traceback
from contextlib import redirect_stdout
from pathlib import Path

from benchmarks.suites.commands import Commands
from benchmarks.suites.row import Row
from benchmarks.suites.run_suite import run_suite
from benchmarks.suites.suite import INIT, Suite
from benchmarks.suites.suites import SUITES

TOOL = Path(__file__).with_name('fake_tool.py')
ROWS = (
    Row('First', 'first', 'configs/a.py', 1, {'shift': 1}, paper_miou=37.1),
    Row('Second', 'second', 'configs/a.py', 2, {'shift': 2}, paper_miou=51.2, paper_tc=66.01, note='from elsewhere'),
    Row('First again', 'first', 'configs/a.py', 1, {'shift': 1}, section='t'),
    Row('Third', 'third', 'configs/b.py', 1, section='t'),
)
NODE = dict(num_cpus=2, num_gpus=0, include_dashboard=False, object_store_memory=80 * 2**20)  # of a Ray cluster
ADDRESS = None  # of the cluster to run on; None: one of the suite's own
SUITE = Suite('fake', 'Table 0', ROWS, world=dict(images=4, previous_frames=True), reference='first', seeds=(0, 1))


def make_root(folder):
    """Give a project that has nothing but the configs which the suite names."""
    for name, text in {'configs/a.py': 'shift = 0', 'configs/b.py': 'shift = 3', INIT: 'shift = 4'}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + '\n')
    return folder


class FakeCommands(Commands):
    """Commands that start ``fake_tool``."""

    def _tool(self, name, *arguments):
        return TOOL, (name, *arguments, f'journal={journal_of(self.root)}')

    def street(self, seed):
        version = self.root / 'street_version'
        return dict(version=int(version.read_text()) if version.exists() else 1, seed=seed)


def journal_of(root):
    return root / 'journal'


def starts(root):
    """List what was started so far: (process, kind, folder)."""
    path = journal_of(root)
    return [tuple(line.split()) for line in path.read_text().splitlines()] if path.is_file() else []


def run_of(folder):
    """Name the run that a folder is of, and its seed."""
    _, run, seed = folder.rsplit('/', 2)
    return run.rpartition('_')[0], seed


def run(root, out='out', **options):
    """Run the suite in this process."""
    usual = dict(jobs=2, resume='auto', data_root=root / 'data', address=ADDRESS, gpus_per_run=0, cpus_per_rank=1)
    with open(os.devnull, 'w') as sink, redirect_stdout(sink):
        return run_suite(root, 'fake', out=root / out, commands=FakeCommands, **(usual | options))


def fork(root, **options):
    """Run the suite in a process of its own, forked from one that knows nothing of Ray yet; gives the process."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['fake_suite'])
    process = context.Process(target=_run_and_exit, args=(root, options))
    process.start()
    return process


def _run_and_exit(root, options):
    SUITES['fake'] = SUITE
    try:
        code = run(root, **options)
    except Exception:
        traceback.print_exc()
        code = 99
    os._exit(code)


def read(root, out='out'):
    return json.loads((root / out / 'results.json').read_text())


def figures(root, out='out'):
    """Give all that must not depend on interruptions."""
    return {
        (entry['run'], entry['seed']): (entry['config_hash'], entry['options'], entry['metrics'])
        for entry in read(root, out)['results']
    }


def alive(pid):
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False
