"""Running the rows of a suite, each in processes of its own."""

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .board import Board, duration, seconds_left
from .commands import Commands
from .job import Job
from .results import Results
from .row import Row
from .table import markdown, one_line

ASKED_TO_STOP = 75  # as a training that was asked to: EX_TEMPFAIL of sysexits.h
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGUSR1)
_PAUSE = 0.05  # seconds between two looks at the processes
_GRACE = 120.0  # seconds in which a training may end its iteration and save


class Scheduler:
    """Do what is missing in the results of a suite, some jobs at a time.

    A row waits for the street and the initialisation of its seed. A row that fails is noted, and the others go on.
    SIGINT, SIGTERM, SIGUSR2 and SIGUSR1 are handed to the processes as SIGTERM, upon which a training saves a
    checkpoint; a second one kills them.

    Args:
        commands: What to run.
        results: The figures so far; completed in place, and on disk.
        places: Jobs at a time.
        environment: Environment variables to add to those of the processes.
        facts: Gives what each entry says of the machine and the code.
    """

    def __init__(
        self,
        commands: Commands,
        results: Results,
        places: int,
        environment: Mapping[str, str],
        facts: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._commands, self._results, self._facts = commands, results, facts
        self._places, self._environment = places, environment
        self._waiting = list(self._plan())
        self._running: list[tuple[Job, float]] = []
        self._prepared: set[int] = set()
        self._finished: list[tuple[float, float]] = []
        self._total = len(self._waiting)
        self._asked = 0
        self._board = Board(self._total)

    def run(self) -> int:
        """Run to the end: 0; 1 if a row has failed; 75 if it was asked to stop before."""
        with _listening(self._on_signal), self._board:
            try:
                while self._waiting or self._running:
                    if self._asked:
                        self._stop()
                        return ASKED_TO_STOP
                    self._start_ready()
                    self._collect()
                    self._show()
                    time.sleep(_PAUSE)
            finally:
                for job, _ in self._running:
                    job.stop(signal.SIGKILL)
        return 1 if self._results.failures else 0

    def _plan(self) -> Iterator[Job]:
        suite = self._results.suite
        for seed in self._results.seeds:
            missing = [row for run, row in suite.runs().items() if not self._results.has(run, seed)]
            if missing:
                yield Job(seed, None, self._commands.prepare(seed), suite.prepare_seconds)
            for row in missing:
                yield Job(seed, row, self._commands.run(row, seed), row.seconds)

    def _start_ready(self) -> None:
        ready = [job for job in self._waiting if job.row is None or job.seed in self._prepared]
        for job in ready[: self._places - len(self._running)]:
            self._waiting.remove(job)
            job.facts = self._facts()
            self._running.append((job, time.monotonic()))

    def _collect(self) -> None:
        """Move the running jobs on, and take in those that have ended."""
        for job, began in list(self._running):
            if not job.advance(self._commands.root, self._environment):
                continue
            self._running.remove((job, began))
            if job.failure is not None:
                self._fail(job, job.failure)
            elif job.row is None:
                self._prepared.add(job.seed)
                self._note(job, began, '')
            else:
                self._record(job, job.row, began)

    def _record(self, job: Job, row: Row, began: float) -> None:
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
            seconds=job.seconds,
            street_version=self._commands.street(job.seed).get('version'),
            finished=datetime.now(UTC).isoformat(timespec='seconds'),
            **job.facts,
        )
        self._results.record(entry)
        write_table(self._results)
        self._note(job, began, f': {one_line(metrics)}')

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

    def _note(self, job: Job, began: float, figures: str) -> None:
        """Say that a job is done, and learn from what it took, unless a part of it was there before."""
        if not job.skipped:
            self._finished.append((job.cost, time.monotonic() - began))
        left = duration(self._seconds_left())
        self._board.say(f'[{self._done()}/{self._total}] {job.name}{figures}; about {left} left')

    def _show(self) -> None:
        self._board.show(self._done(), [job.name for job, _ in self._running], self._seconds_left())

    def _done(self) -> int:
        return self._total - len(self._waiting) - len(self._running)

    def _seconds_left(self) -> float:
        now = time.monotonic()
        running = [(job.cost, now - began) for job, began in self._running]
        return seconds_left(self._finished, running, [job.cost for job in self._waiting], self._places)

    def _on_signal(self, number: int, frame: Any) -> None:
        self._asked += 1

    def _stop(self) -> None:
        """Ask the processes to end and wait for them, but not for ever."""
        self._board.say('asked to stop: the trainings save a checkpoint; go on with --resume')
        until = time.monotonic() + _GRACE
        for job, _ in self._running:
            job.stop()
        for job, _ in self._running:
            while not job.wait(timeout=0.1):
                if self._asked > 1 or time.monotonic() > until:
                    job.stop(signal.SIGKILL)


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
