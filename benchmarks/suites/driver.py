"""Handing the rows of a suite to Ray, and taking in their figures."""

import json
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .commands import Commands
from .results import Results
from .step import Step
from .suite import Row
from .table import one_line, write_table
from .worker import GRACE, PREEMPTED, Place, StepError, StoppedError, work

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGUSR1)
RETRIES = 20  # of a job whose node is lost, whose worker is killed for memory, or that somebody else has stopped
_LOOK = 0.2  # seconds between two looks at Ray
Pair = tuple[float, float]


@dataclass
class Job:
    """The steps of a row for a seed, or of what the rows of a seed share (``row`` is None)."""

    seed: int
    row: Row | None
    steps: Sequence[Step]
    cost: float  # roughly, in seconds on one idle core; 0 where a part was done before, which teaches nothing
    began: float = 0.0
    group: PlacementGroup | None = None

    @property
    def name(self) -> str:
        """What it is about, for messages."""
        return f'{self.row.name if self.row else "street and initialisation"}, seed {self.seed}'


class Driver:
    """Do what is missing in the results of a suite, some jobs at a time; Ray finds them nodes, cores and GPUs.

    A row waits for what its seed prepares. A row that fails is noted, and the others go on. One whose node is lost goes
    on elsewhere. On SIGINT, SIGTERM, SIGUSR2 and SIGUSR1 the trainings save a checkpoint; a second signal kills them.

    Args:
        commands: What to run.
        results: The figures so far; completed in place, and on disk.
        place: What each run is given.
        jobs: Jobs at a time.
    """

    def __init__(self, commands: Commands, results: Results, place: Place, jobs: int) -> None:
        self._commands, self._results, self._place, self._jobs = commands, results, place, jobs
        self._waiting = list(self._plan())
        self._running: dict[Any, Job] = {}
        self._prepared: set[int] = set()
        self._finished: list[tuple[float, float]] = []
        self._asked = 0
        columns = BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn('{task.description}')
        self._board = Progress(*columns, console=Console(soft_wrap=True, markup=False, highlight=False))
        self._bar = self._board.add_task('', total=len(self._waiting))
        self._task: Any = ray.remote(work)

    def run(self) -> int:
        """Run to the end: 0; 1 if a row has failed; 75 if it was asked to stop before."""
        with ExitStack() as stack:
            for number in SIGNALS:
                stack.callback(signal.signal, number, signal.signal(number, self._on_signal))
            stack.enter_context(self._board)
            while (self._waiting or self._running) and not self._asked:
                self._submit_ready()
                for task in ray.wait([*self._running], timeout=_LOOK)[0]:
                    self._collect(task)
                names = '; '.join(job.name for job in self._running.values())
                self._board.update(self._bar, completed=self._done(), description=f'{self._time_left()} left | {names}')
            if self._asked:
                self._stop()
                return PREEMPTED
        return 1 if self._results.failures else 0

    def _plan(self) -> Iterator[Job]:
        suite = self._results.suite
        for seed in self._results.seeds:
            missing = [row for run, row in suite.runs().items() if not self._results.has(run, seed)]
            if missing:
                yield Job(seed, None, [*self._commands.prepare(seed)], suite.prepare_seconds)
            for row in missing:
                yield Job(seed, row, [*self._commands.run(row, seed)], row.seconds)

    def _submit_ready(self) -> None:
        ready = [job for job in self._waiting if job.row is None or job.seed in self._prepared]
        for job in ready[: self._jobs - len(self._running)]:
            self._waiting.remove(job)
            job.began = time.monotonic()
            if any(step.is_done for step in job.steps):
                job.cost = 0.0
            if self._place.ranks > 1:  # the end of a group costs Ray's workers, and their start seconds
                job.group = placement_group([self._place.bundle] * self._place.ranks, strategy='PACK')
            retry = dict(max_retries=RETRIES, retry_exceptions=[StoppedError])
            task = self._task.options(**self._place.options(job.group), **retry)
            self._running[task.remote(job.steps, self._place, job.group)] = job

    def _collect(self, task: Any) -> None:
        """Take in how a job has ended."""
        job, figures = self._running.pop(task), ''
        if job.group is not None:
            remove_placement_group(job.group)
        try:
            facts = ray.get(task)
            if job.row is None:
                self._prepared.add(job.seed)
            else:
                figures = f': {self._record(job.row, job.seed, facts)}'
        except RayTaskError as error:
            if not isinstance(error.cause, (StepError, OSError)):
                raise
            self._fail(job, str(error.cause))
        except (RayError, OSError, ValueError) as error:  # nodes were lost too often, too little memory, no figures
            self._fail(job, f'{job.name}: {type(error).__name__}: {str(error).strip():.300}')
        else:
            if job.cost:
                self._finished.append((job.cost, time.monotonic() - job.began))
            progress = f'[{self._done()}/{self._board.tasks[0].total:.0f}]'
            self._board.console.print(f'{progress} {job.name}{figures}; about {self._time_left()} left')

    def _record(self, row: Row, seed: int, facts: dict[str, Any]) -> str:
        """Bring the figures of a run into the results; gives them in a line."""
        metrics = json.loads(self._commands.metrics(row, seed).read_text(encoding='utf-8'))
        version = self._commands.street(seed).get('version')
        self._results.add(row, seed, metrics, street_version=version, jobs=self._jobs, **facts)
        write_table(self._results)
        return one_line(metrics)

    def _fail(self, job: Job, reason: str) -> None:
        """Note a failure; one of what a seed's rows share is one of all of them."""
        failed = [job] if job.row else [one for one in self._waiting if one.seed == job.seed]
        self._waiting = [one for one in self._waiting if one not in failed]
        for one in failed:
            if one.row:
                self._results.fail(one.row.run, one.seed, reason)
        write_table(self._results)
        self._board.console.print(f'failed: {reason}')

    def _done(self) -> int:
        return int(self._board.tasks[0].total or 0) - len(self._waiting) - len(self._running)

    def _time_left(self) -> timedelta:
        now = time.monotonic()
        running = [(job.cost, now - job.began) for job in self._running.values()]
        left = seconds_left(self._finished, running, [job.cost for job in self._waiting], self._jobs)
        return timedelta(seconds=round(left))

    def _on_signal(self, number: int, frame: Any) -> None:
        self._asked += 1

    def _stop(self) -> None:
        """Ask the trainings to end and wait for them, but not for ever."""
        self._board.console.print('asked to stop: the trainings save a checkpoint; go on with --resume')
        for task in self._running:
            ray.cancel(task)
        left, until = [*self._running], time.monotonic() + GRACE
        while left and self._asked == 1 and time.monotonic() < until:
            _, left = ray.wait(left, num_returns=len(left), timeout=_LOOK)
        for task in left:
            ray.cancel(task, force=True)


def seconds_left(finished: Iterable[Pair], running: Iterable[Pair], waiting: Iterable[float], places: int) -> float:
    """Estimate the time left from the costs of jobs, corrected by what jobs have taken so far.

    Args:
        finished: For each job of this start (cost, seconds it took).
        running: For each job that runs (cost, seconds since its start).
        waiting: The other jobs' costs.
        places: Jobs that run at a time.

    Example:
        >>> seconds_left([(100, 150)], [(100, 50)], [100, 100], places=2)  # 1.5 times as slow: (100 + 300) / 2
        200.0
    """
    done = list(finished)
    cost = sum(one for one, _ in done)
    slowdown = sum(seconds for _, seconds in done) / cost if cost else 1.0
    left = [max(slowdown * one - seconds, 0.0) for one, seconds in running] + [slowdown * one for one in waiting]
    return max([sum(left) / places, *left]) if left else 0.0
