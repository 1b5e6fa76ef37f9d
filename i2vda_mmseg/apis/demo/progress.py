"""What a tool's log says of how far it is, and how the console shows it."""

import re
import time
from types import TracebackType
from typing import NamedTuple, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

_COUNT = re.compile(r'(?:Iter\((train|test)\)|(Clips))\s*\[\s*(\d+)/(\d+)\]')
_LOSS, _TIME = re.compile(r'\bloss_seg: ([\d.]+)'), re.compile(r'\btime: ([\d.]+)')
_NAMES = {'train': 'iterations', 'test': 'frames', 'Clips': 'frames of clips'}
_PAUSE = 20.0  # seconds between two lines where the console is no terminal


class Reading(NamedTuple):
    """How far a tool is."""

    what: str  # that is counted
    done: int
    total: int
    loss: float | None = None
    seconds: float | None = None  # one of them takes

    def text(self) -> str:
        """Say it in a line.

        Example:
            >>> Reading('iterations', 320, 800, loss=0.3634, seconds=0.25).text()
            '320/800 iterations, loss 0.363, 4.0/s, 2:00 left'
        """
        parts = [f'{self.done}/{self.total} {self.what}']
        parts += [] if self.loss is None else [f'loss {self.loss:.3f}']
        if self.seconds:
            minutes, seconds = divmod(round(self.seconds * (self.total - self.done)), 60)
            parts += [f'{1 / self.seconds:.1f}/s', f'{minutes}:{seconds:02d} left']
        return ', '.join(parts)


def read_line(line: str) -> Reading | None:
    """Read a line of a tool's log; None where it does not say how far the tool is.

    Example:
        >>> read_line('- INFO - Iter(train) [ 50/800]  eta: 0:03:21  time: 0.25  data_time: 0.03  loss_seg: 0.3535')
        Reading(what='iterations', done=50, total=800, loss=0.3535, seconds=0.25)
    """
    count = _COUNT.search(line)
    if count is None:
        return None
    loss, seconds = _LOSS.search(line), _TIME.search(line)
    known = (None if found is None else float(found[1]) for found in (loss, seconds))
    return Reading(_NAMES[count[1] or count[2]], int(count[3]), int(count[4]), *known)


class StepDisplay:
    """One live line of a step on a terminal; elsewhere a line at its start, at its end and now and then.

    Args:
        console: Where to.
        head: What the line begins with: 'Step 3 of 10: Train I2VDA'.
    """

    def __init__(self, console: Console, head: str) -> None:
        self.console = console
        self.head = head
        self.last: Reading | None = None
        self._said = self._began = time.monotonic()
        whole = Column(no_wrap=True, overflow='ellipsis')
        columns = (TextColumn('{task.description}', table_column=whole), BarColumn(10),
                   TextColumn('{task.fields[said]}', table_column=whole.copy()))  # fmt: skip
        self._live = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._live.add_task(head, total=None, said='')

    def __enter__(self) -> Self:
        """Begin."""
        self._live.start()
        if not self.console.is_terminal:
            self.console.print(f'{self.head} ...', highlight=False)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave a line that stays."""
        self._live.stop()
        if kind is None:
            loss = '' if self.last is None or self.last.loss is None else f', loss {self.last.loss:.3f}'
            self.console.print(f'{self.head}: done in {duration(self.seconds)}{loss}', highlight=False)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def show(self, line: str) -> None:
        """Take a line of the log."""
        reading = read_line(line)
        if reading is None:
            return
        self.last = reading if reading.loss is not None or self.last is None else self.last
        self._live.update(self._task, completed=reading.done, total=reading.total, said=reading.text())
        if not self.console.is_terminal and time.monotonic() - self._said > _PAUSE:
            self._said = time.monotonic()
            self.console.print(f'  {reading.text()}', highlight=False)


def duration(seconds: float) -> str:
    """Write a time for a person.

    Example:
        >>> duration(7.4), duration(75)
        ('7 s', '1 min 15 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes} min {rest} s' if minutes else f'{rest} s'
