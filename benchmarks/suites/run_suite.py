"""From the arguments of ``tools/benchmark.py`` to its exit code."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from i2vda_mmseg.fileio.atomic import remove_unfinished

from .commands import Commands
from .data import on_data
from .place import cluster
from .results import RESULTS, Results, ResultsError
from .step import locked
from .suite import STREETWORLD, Suite
from .suites import SUITES

PATIENCE = 10.0  # seconds in which a benchmark that was killed has let go of its folders


def run_suite(  # noqa: PLR0913 - the arguments of a command line
    root: Path,
    suite_name: str,
    *,
    out: Path,
    data_root: Path,
    data: str = STREETWORLD,
    seeds: Sequence[int] | None = None,
    jobs: int | None = None,
    address: str | None = None,
    gpus_per_run: float | None = None,
    cpus_per_rank: int | None = None,
    resume: str | Path | None = None,
    emit: str | None = None,
    commands: Callable[..., Commands] = Commands,
) -> int:
    """Train and test what is missing in a suite, and write ``results.json`` and ``results.md`` into ``out``.

    Args:
        root: The project's root; on a cluster, it and the other folders are the same on every node.
        suite_name: A name of ``SUITES``.
        out: Folder of the results and runs.
        data_root: Folder of the streets and initialisations, which suites share, or of the real data.
        data: What it is trained on, see ``on_data``.
        seeds: Seeds of streets and runs, added to those of results that are gone on with. None: theirs, or the suite's.
        jobs: Rows at a time. None: 1 on this machine, as many as fit on a cluster.
        address: Of a Ray cluster; None: this machine.
        gpus_per_run: GPUs of a run, and its ranks if more than 1. None: 1 if there are any.
        cpus_per_rank: Cores and threads of a rank. None: the machine's, shared among the jobs; 4 on a cluster.
        resume: None: start anew; 'auto': go on with what ``out`` holds, if anything; else a results.json, of which
            nothing but the file need be left, to go on with in ``out``.
        emit: 'commands': print what would run, for a queue of one's own, and run nothing.
        commands: Makes the ``Commands``.

    Returns:
        0; 1 if a row has failed; 75 if SIGINT, SIGTERM, SIGUSR2 or SIGUSR1 came first.

    Raises:
        ResultsError: If there are results already, or those to go on with are of something else.
        ValueError: If an argument is out of range, or a run fits nowhere.
        FileNotFoundError: If the results to go on with are not there.
        BlockingIOError: If another benchmark is at work in one of the folders.
    """
    _check(jobs, seeds, gpus_per_run, cpus_per_rank)
    suite = on_data(SUITES[suite_name], data, root)
    out, data_root = out.resolve(), data_root.resolve()
    if emit:
        ranks = max(1, int(gpus_per_run or 0))
        emitted = commands(root, suite, suite.schedule(root, ranks), data_root, out)
        sys.stdout.write('\n'.join(_lines(emitted, suite, seeds or suite.seeds, ranks)) + '\n')
        return 0
    with ExitStack() as held:
        for folder in {out, data_root} if data == STREETWORLD else {out}:
            held.enter_context(locked(folder, PATIENCE))
        _earlier(resume, out)
        place, jobs = held.enter_context(
            cluster(root, jobs or (None if address else 1), address, gpus_per_run, cpus_per_rank)
        )
        from .driver import Driver, write_table  # noqa: PLC0415 - needs Ray, see cluster

        schedule = suite.schedule(root, place.ranks)
        results = Results(out / RESULTS, suite, schedule, seeds or (), _earlier(resume, out))
        results.seeds = results.seeds or list(suite.seeds)
        results.write()
        remove_unfinished(out)
        code = Driver(commands(root, suite, schedule, data_root, out), results, place, jobs).run()
        sys.stdout.write(f'{write_table(results).read_text(encoding="utf-8")}\n{results.path}\n')
        return code


def _check(jobs: int | None, seeds: Sequence[int] | None, gpus: float | None, cpus: int | None) -> None:
    if (jobs is not None and jobs < 1) or any(seed < 0 for seed in seeds or ()) or (cpus is not None and cpus < 1):
        raise ValueError(
            f'--jobs and --cpus-per-rank must be at least 1 and --seeds not negative, got {jobs}, {cpus} and {seeds}'
        )
    if gpus is not None and (gpus < 0 or (gpus > 1 and gpus != int(gpus))):
        raise ValueError(f'--gpus-per-run must be a whole number, or a share below 1, got {gpus:g}')


def _lines(commands: Commands, suite: Suite, seeds: Sequence[int], ranks: int) -> list[str]:
    """Write what would run; the lines of a seed's heading must be through before those of its rows begin."""
    lines = [f'cd {commands.root}']
    for seed in seeds:
        prepared = [step.shell(ranks) for step in commands.prepare(seed)]
        lines += [f'# seed {seed}', *prepared, *(['# then, in any order'] if prepared else [])]
        for row in suite.runs().values():
            lines.append(' && '.join(step.shell(ranks) for step in commands.run(row, seed)))
    return lines


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
