"""A suite whose commands take a moment, and benchmarks of it that can be killed."""

import json
import multiprocessing
import os
import traceback
from contextlib import redirect_stdout, suppress
from pathlib import Path

from benchmarks.suites.commands import Commands
from benchmarks.suites.run_suite import run_suite
from benchmarks.suites.suite import INIT, Row, Suite
from benchmarks.suites.suites import SUITES

TOOL = Path(__file__).with_name('fake_tool.py')
ROWS = (
    Row('First', 'first', 'configs/a.py', 1, {'shift': 1}, paper_miou=37.1),
    Row('Second', 'second', 'configs/a.py', 2, {'shift': 2}, paper_miou=51.2, paper_tc=66.01, note='from elsewhere'),
    Row('First again', 'first', 'configs/a.py', 1, {'shift': 1}, section='t'),
    Row('Third', 'third', 'configs/b.py', 1, section='t'),
)
# Environment of Ray: nothing is sent home, it keeps to 127.0.0.1, and no token is written into a home.
RAY = dict(RAY_USAGE_STATS_ENABLED='0', RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER='0', RAY_AUTH_MODE='disabled')
NODE = dict(num_cpus=1, num_gpus=1, include_dashboard=False, object_store_memory=80 * 2**20)  # the GPU is a number only
PATH = os.pathsep.join(map(str, (Path(__file__).parents[1], Path(__file__).parent)))
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
        _, words = super()._tool(name, *arguments)
        return TOOL, (name, *words, f'journal={journal_of(self.root)}')

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
    usual = dict(jobs=2, resume='auto', data_root=root / 'data', gpus_per_run=0, cpus_per_rank=1)
    return run_suite(root, 'fake', out=root / out, commands=FakeCommands, **(usual | options))


def fork(root, **options):
    """Run the suite in a process of its own, forked from one that is not connected to Ray; gives the process."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['fake_suite', 'benchmarks.suites.driver'])
    process = context.Process(target=_run_and_exit, args=(root, options, dict(os.environ)))
    process.start()
    return process


def _run_and_exit(root, options, environment):
    SUITES['fake'] = SUITE
    os.environ |= environment | {'PYTHONPATH': PATH}  # the server of forks may be older than what a test has set
    try:
        with open(os.devnull, 'w') as sink, redirect_stdout(sink):
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


def family(pid):
    """Find the processes that a process has started, and those that these have; gives the names by number."""
    parents = {}
    for stat in Path('/proc').glob('[0-9]*/stat'):
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(')')[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, known in parents.items() if known == parent]
    commands = {child: Path(f'/proc/{child}/cmdline') for child in found[1:]}
    return {child: path.read_text().split('\0')[0].strip() for child, path in commands.items() if path.exists()}


def alive(pid):
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False
