"""Handing the rows of a suite to Ray, and taking in their figures."""

import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group

from .board import Board, duration, seconds_left
from .commands import Commands
from .place import Place, places
from .results import Results
from .row import Row
from .step import Step
from .table import markdown, one_line
from .worker import GRACE, resources, work

ASKED_TO_STOP = 75  # as a training that was asked to: EX_TEMPFAIL of sysexits.h
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGUSR1)
RETRIES = 20  # of a job whose node is lost, or whose worker is killed for memory
_LOOK = 0.2  # seconds between two looks at Ray


@dataclass
class Job:
    """The steps of a row for a seed, or of what the rows of a seed share (``row`` is None)."""

    seed: int
    row: Row | None
    steps: Sequence[Step]
    cost: float  # roughly, in seconds on one idle core
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
        self._total = len(self._waiting)
        self._asked = 0
        self._board = Board(self._total)
        self._task = ray.remote(max_retries=RETRIES)(work)

    def run(self) -> int:
        """Run to the end: 0; 1 if a row has failed; 75 if it was asked to stop before."""
        with _listening(self._on_signal), self._board:
            while self._waiting or self._running:
                if self._asked:
                    self._stop()
                    return ASKED_TO_STOP
                self._submit_ready()
                ended, _ = ray.wait([*self._running], num_returns=1, timeout=_LOOK)
                for task in ended:
                    self._collect(task)
                self._show()
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
            if self._place.ranks > 1:  # the end of a group costs Ray's workers, and their start seconds
                job.group = placement_group(self._place.bundles(), strategy='PACK')
            options = resources(self._place, job.group)
            self._running[self._task.options(**options).remote(job.steps, self._place, job.group)] = job

    def _collect(self, task: Any) -> None:
        """Take in how a job has ended."""
        job = self._running.pop(task)
        if job.group is not None:
            remove_placement_group(job.group)
        try:
            outcome = ray.get(task)
        except RayTaskError:
            raise
        except RayError as error:  # nodes were lost too often, or there is too little memory
            self._fail(job, f'{job.name}: {type(error).__name__}: {str(error).strip():.300}')
            return
        if outcome['failure'] is not None:
            self._fail(job, outcome['failure'])
        elif job.row is None:
            self._prepared.add(job.seed)
            self._note(job, outcome, '')
        else:
            self._record(job, job.row, outcome)

    def _record(self, job: Job, row: Row, outcome: dict[str, Any]) -> None:
        path = self._commands.metrics(row, job.seed)
        try:
            metrics = json.loads(path.read_text(encoding='utf-8'))
        except (OSError, ValueError) as error:
            self._fail(job, f'test of {job.name}: it left no figures in {path}: {error}')
            return
        entry = dict(
            run=row.run,
            seed=job.seed,
            config=row.config,
            options=self._results.suite.options_of(row),
            config_hash=self._results.schedule['runs'][row.run],
            metrics=metrics,
            seconds=outcome['seconds'],
            street_version=self._commands.street(job.seed).get('version'),
            finished=datetime.now(UTC).isoformat(timespec='seconds'),
            jobs=self._jobs,
            **outcome['facts'],
        )
        self._results.record(entry)
        write_table(self._results)
        self._note(job, outcome, f': {one_line(metrics)}')

    def _fail(self, job: Job, reason: str) -> None:
        """Note a failure; one of what a seed's rows share is one of all of them."""
        failed = [job]
        if job.row is None:
            failed = [one for one in self._waiting if one.seed == job.seed]
            self._waiting = [one for one in self._waiting if one.seed != job.seed]
        for one in failed:
            if one.row is not None:
                self._results.fail(one.row.run, one.seed, reason)
        write_table(self._results)
        self._board.say(f'failed: {reason}')

    def _note(self, job: Job, outcome: dict[str, Any], figures: str) -> None:
        """Say that a job is done, and learn from what it took, unless a part of it was there before."""
        if not outcome['skipped']:
            self._finished.append((job.cost, time.monotonic() - job.began))
        left = duration(self._seconds_left())
        self._board.say(f'[{self._done()}/{self._total}] {job.name}{figures}; about {left} left')

    def _show(self) -> None:
        self._board.show(self._done(), [job.name for job in self._running.values()], self._seconds_left())

    def _done(self) -> int:
        return self._total - len(self._waiting) - len(self._running)

    def _seconds_left(self) -> float:
        now = time.monotonic()
        running = [(job.cost, now - job.began) for job in self._running.values()]
        at_a_time = max(1, min(self._jobs, places(ray.nodes(), self._place)))  # nodes come and go
        return seconds_left(self._finished, running, [job.cost for job in self._waiting], at_a_time)

    def _on_signal(self, number: int, frame: Any) -> None:
        self._asked += 1

    def _stop(self) -> None:
        """Ask the trainings to end and wait for them, but not for ever."""
        self._board.say('asked to stop: the trainings save a checkpoint; go on with --resume')
        for task in self._running:
            ray.cancel(task)
        left, until = [*self._running], time.monotonic() + GRACE
        while left and self._asked == 1 and time.monotonic() < until:
            _, left = ray.wait(left, num_returns=len(left), timeout=_LOOK)
        for task in left:
            ray.cancel(task, force=True)


def write_table(results: Results) -> Path:
    """Write results.md beside results.json."""
    return results.write_beside('results.md', markdown(results))


@contextmanager
def _listening(handler: Callable[[int, Any], None]) -> Iterator[None]:
    former = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in former.items():
            signal.signal(number, old)
