"""Steps that follow each other, in one of the places that --jobs gives."""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from i2vda_mmseg.engine.hooks.preemption_hook import PREEMPTED

from .row import Row
from .step import Step

# How a process ends that somebody else has asked to stop: after saving, or before it could listen.
STOPPED = frozenset({PREEMPTED, -signal.SIGTERM, -signal.SIGUSR2, -signal.SIGUSR1})
RESTARTS = 3  # of a step that is stopped without having saved anything new


class Job:
    """The steps of a row for a seed, or of what the rows of a seed share.

    ``seconds`` is what each step has taken, by name, in this start; ``facts`` what machine and code were when it began;
    ``skipped`` whether a step had been done before. A step that is stopped by a signal of somebody else is started
    again, as long as it gets on.

    Args:
        seed: The seed.
        row: The row; None for what is shared.
        steps: Its steps; the next is asked for when the one before has succeeded.
        cost: What it takes on one idle core, roughly, in seconds.
    """

    def __init__(self, seed: int, row: Row | None, steps: Iterator[Step], cost: float) -> None:
        self.seed, self.row, self.cost = seed, row, cost
        self.seconds: dict[str, float] = {}
        self.facts: Mapping[str, Any] = {}
        self.failure: str | None = None
        self.skipped = False
        self._steps = steps
        self._step: Step | None = None
        self._process: subprocess.Popen | None = None
        self._began = 0.0
        self._reached = ''
        self._stops = 0  # since it last got on

    @property
    def name(self) -> str:
        """What it is about, for messages."""
        return f'{self.row.name if self.row else "street and initialisation"}, seed {self.seed}'

    @property
    def running(self) -> bool:
        """Whether a process of it runs."""
        return self._process is not None

    def advance(self, root: Path, environment: Mapping[str, str]) -> bool:
        """Start the next step if none runs; tell whether all have succeeded or one has failed.

        Args:
            root: Folder in which the commands run.
            environment: What is added to their environment variables.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return False
            self._end(code)
        if self.failure is not None:
            return True
        if self._step is None:
            self._step = self._next_step()
        if self._step is None:
            return True
        self._began = time.monotonic()
        self._process = self._step.start(root, environment)
        return False

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to its process."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its process, at most ``timeout`` seconds; tell whether it has ended."""
        try:
            if self._process is not None:
                self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _next_step(self) -> Step | None:
        for step in self._steps:
            if not step.is_done:
                self._reached, self._stops = step.reached(), 0
                return step
            self.skipped = True
        return None

    def _end(self, code: int) -> None:
        """Take in how the process has ended; the step stays if it is to be started again."""
        step, self._process = self._step, None
        assert step is not None
        kind = step.name.partition(' of ')[0]
        self.seconds[kind] = round(self.seconds.get(kind, 0.0) + time.monotonic() - self._began, 1)
        if code == 0:
            step.finish()
            self._step = None
        elif code not in STOPPED or not self._gets_on(step):
            ended = f'exit code {code}' if code > 0 else f'signal {-code}'
            often = f' {self._stops} times without a new checkpoint' if code in STOPPED else ''
            self.failure = f'{step.name}: {ended}{often}: {step.last_words()} (all of it: {step.log})'

    def _gets_on(self, step: Step) -> bool:
        """Whether a step that was stopped is worth another start."""
        before, self._reached = self._reached, step.reached()
        self._stops = self._stops + 1 if self._reached == before else 0
        return self._stops <= RESTARTS
