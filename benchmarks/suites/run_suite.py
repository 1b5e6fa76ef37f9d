"""From the arguments of ``tools/benchmark.py`` to its exit code."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from i2vda_mmseg.fileio.atomic import remove_unfinished

from .commands import Commands
from .lock import locked
from .provenance import available_cores, device_environment, provenance
from .results import RESULTS, Results, ResultsError
from .scheduler import Scheduler, write_table
from .suites import SUITES


def run_suite(
    root: Path,
    suite_name: str,
    *,
    out: Path,
    data_root: Path,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    device: str = 'auto',
    resume: str | Path | None = None,
    commands: Callable[..., Commands] = Commands,
) -> int:
    """Train and test what is missing in a suite, and write ``results.json`` and ``results.md`` into ``out``.

    Args:
        root: The project's root.
        suite_name: A name of ``SUITES``.
        out: Folder of the results and runs.
        data_root: Folder of the streets and initialisations, which suites share.
        seeds: Seeds of streets and runs, added to those of results that are gone on with. None: theirs, or the suite's.
        jobs: Rows at a time; the cores are split among them.
        device: 'auto', 'cpu', 'cuda' or 'cuda:<index>'.
        resume: None: start anew; 'auto': go on with what ``out`` holds, if anything; else a results.json, of which
            nothing but the file need be left, to go on with in ``out``.
        commands: Makes the ``Commands``.

    Returns:
        0; 1 if a row has failed; 75 if SIGINT, SIGTERM, SIGUSR2 or SIGUSR1 came first.

    Raises:
        ResultsError: If there are results already, or those to go on with are of something else.
        ValueError: If an argument is out of range.
        FileNotFoundError: If the results to go on with are not there.
        BlockingIOError: If another benchmark is at work in one of the folders.
    """
    if jobs < 1 or any(seed < 0 for seed in seeds or ()):
        raise ValueError(f'--jobs must be at least 1 and --seeds not negative, got {jobs} and {seeds}')
    suite = SUITES[suite_name]
    threads = max(1, available_cores() // jobs)
    environment = device_environment(device) | dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS'), str(threads))
    out, data_root = out.resolve(), data_root.resolve()
    with ExitStack() as locks:
        for folder in {out, data_root}:
            locks.enter_context(locked(folder))
        schedule = suite.schedule(root)
        results = Results(out / RESULTS, suite, schedule, seeds or (), _earlier(resume, out))
        results.seeds = results.seeds or list(suite.seeds)
        results.write()
        remove_unfinished(out)
        scheduler = Scheduler(
            commands(root, suite, schedule, data_root, out),
            results,
            jobs,
            environment,
            lambda: provenance(root, device) | dict(threads=threads, jobs=jobs),
        )
        code = scheduler.run()
        sys.stdout.write(f'{write_table(results).read_text(encoding="utf-8")}\n{results.path}\n')
        return code


def _earlier(resume: str | Path | None, out: Path) -> Path:
    """Decide which results to go on with."""
    own = out / RESULTS
    if resume is None and own.is_file():
        raise ResultsError(f'{own} is there already; go on with it by --resume, or choose another --out')
    if resume in {None, 'auto'} or Path(str(resume)).resolve() == own:
        return own
    if not Path(str(resume)).is_file():
        raise FileNotFoundError(f'--resume: there are no results at {resume}')
    if own.is_file():
        raise ResultsError(f'{out} has results of its own; to go on with {resume}, choose another --out')
    return Path(str(resume))
