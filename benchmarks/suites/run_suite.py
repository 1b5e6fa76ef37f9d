"""From the arguments of ``tools/benchmark.py`` to its exit code."""

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from i2vda_mmseg.fileio.atomic import remove_unfinished

from .commands import Commands
from .data import on_data
from .provenance import available_cores
from .results import RESULTS, Results, earlier
from .step import locked
from .suite import STREETWORLD
from .suites import SUITES
from .table import write_table

PATIENCE = 10.0  # seconds in which a benchmark that was killed has let go of its folders
CLUSTER_CPUS = 4  # of a rank, where --cpus-per-rank does not say: the data workers of the paper's leaves
_STORE = 80 * 2**20  # bytes of Ray's object store, of which next to nothing is used


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
        resume: See ``earlier``.
        emit: 'commands': print what would run, for a queue of one's own, and run nothing.
        commands: Makes the ``Commands``.

    Returns:
        0; 1 if a row has failed; 75 if SIGINT, SIGTERM, SIGUSR2 or SIGUSR1 came first.

    Raises:
        ValueError: If an argument is out of range, or a run fits nowhere; and as ``earlier``, ``Results``, ``locked``.
    """
    _check(jobs, seeds, gpus_per_run, cpus_per_rank)
    suite = on_data(SUITES[suite_name], data, root)
    out, data_root = out.resolve(), data_root.resolve()
    if emit:
        ranks = max(1, int(gpus_per_run or 0))
        emitted = commands(root, suite, suite.schedule(root, ranks), data_root, out)
        sys.stdout.writelines(f'{line}\n' for line in emitted.lines(seeds or suite.seeds, ranks))
        return 0
    with ExitStack() as held:
        for folder in {out, data_root} if data == STREETWORLD else {out}:
            held.enter_context(locked(folder, PATIENCE))
        earlier(resume, out)  # is refused before Ray is started
        where = cluster(root, jobs or (None if address else 1), address, gpus_per_run, cpus_per_rank)
        place, jobs = held.enter_context(where)
        from .driver import Driver  # noqa: PLC0415 - needs Ray, see cluster

        schedule = suite.schedule(root, place.ranks)
        results = Results(out / RESULTS, suite, schedule, seeds or (), earlier(resume, out))
        results.seeds = results.seeds or list(suite.seeds)
        results.write()
        remove_unfinished(out)
        code = Driver(commands(root, suite, schedule, data_root, out), results, place, jobs).run()
        sys.stdout.write(f'{write_table(results).read_text(encoding="utf-8")}\n{results.path}\n')
        return code


@contextmanager
def cluster(
    root: Path, jobs: int | None, address: str | None, gpus_per_run: float | None, cpus_per_rank: int | None
) -> Iterator[tuple[Any, int]]:
    """Start Ray on this machine, or join a cluster; yields a run's ``Place``, and how many may run at a time.

    Where Ray is connected already, that cluster is used and stays connected. For arguments see ``run_suite``.

    Raises:
        ImportError: If Ray is not there.
        ConnectionError: If there is no cluster at the address.
        ValueError: If no node holds a run.
    """
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # nothing is sent home
    if not address:
        os.environ.setdefault('RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER', '0')  # there it keeps Ray to 127.0.0.1; here too
    try:
        import ray  # noqa: PLC0415 - an extra, and --emit needs none
    except ImportError as error:
        raise ImportError("the suites run on Ray: python -m pip install 'i2vda_mmseg[suites]'") from error
    from .worker import Place  # noqa: PLC0415 - needs Ray

    ranks = max(1, int(gpus_per_run or 0))
    cpus = cpus_per_rank or (CLUSTER_CPUS if address else max(1, available_cores() // ((jobs or 1) * ranks)))
    is_ours = not ray.is_initialized()
    if is_ours:
        path = os.pathsep.join(filter(None, [str(root), os.environ.get('PYTHONPATH')]))
        options: dict[str, Any] = dict(log_to_driver=False, logging_level=logging.ERROR)
        if address:
            _reach(address)
        else:
            cores = max(available_cores(), (jobs or 1) * ranks * cpus)
            options |= dict(num_cpus=cores, object_store_memory=_STORE, include_dashboard=False)
        try:
            ray.init(address or 'local', runtime_env={'env_vars': {'PYTHONPATH': path}}, **options)
        except ConnectionError as error:
            raise ConnectionError(f'{error}; one that asks for a token needs RAY_AUTH_MODE=token') from error
    try:
        total = ray.cluster_resources()
        gpus = min(1.0, total.get('GPU', 0.0)) if gpus_per_run is None else gpus_per_run
        place = Place(root, ranks, cpus, gpus / ranks)
        if not (most := place.fits(ray.nodes())):
            needs = f'{ranks} x {cpus} CPUs' + (f' and {place.gpus:g} GPUs' if gpus else '')
            has = f'{total.get("CPU", 0):g} CPUs, {total.get("GPU", 0):g} GPUs'
            raise ValueError(f'a run needs {needs}, which this machine or cluster does not have: {has}')
        yield place, min(jobs or most, most)
    finally:
        if is_ours:
            ray.shutdown()


def _reach(address: str) -> None:
    """See whether anybody answers, for whom Ray itself would wait for minutes."""
    host, _, port = address.removeprefix('ray://').rpartition(':')
    if port.isdecimal():  # not 'auto'
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise ConnectionError(f'no Ray cluster answers at {address}; ray start --head makes one') from error


def _check(jobs: int | None, seeds: Sequence[int] | None, gpus: float | None, cpus: int | None) -> None:
    if (jobs is not None and jobs < 1) or any(seed < 0 for seed in seeds or ()) or (cpus is not None and cpus < 1):
        given = f'{jobs}, {cpus} and {seeds}'
        raise ValueError(f'--jobs and --cpus-per-rank must be at least 1 and --seeds not negative, got {given}')
    if gpus is not None and (gpus < 0 or (gpus > 1 and gpus != int(gpus))):
        raise ValueError(f'--gpus-per-run must be a whole number, or a share below 1, got {gpus:g}')
