"""Steps that follow each other, in one of the places that --jobs gives."""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .row import Row
from .step import Step


class Job:
    """The steps of a row for a seed, or of what the rows of a seed share.

    ``seconds`` is what each step has taken, by name, in this start; ``facts`` what machine and code were when it began.

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
        self._steps = steps
        self._step: Step | None = None
        self._process: subprocess.Popen | None = None
        self._began = 0.0

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
        self._step = next((step for step in self._steps if not step.is_done), None)
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

    def _end(self, code: int) -> None:
        step, self._process = self._step, None
        assert step is not None
        self.seconds[step.name.partition(' of ')[0]] = round(time.monotonic() - self._began, 1)
        if code == 0:
            step.finish()
        else:
            ended = f'exit code {code}' if code > 0 else f'signal {-code}'
            self.failure = f'{step.name}: {ended}: {step.last_words()} (all of it: {step.log})'
