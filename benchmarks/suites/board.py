"""How far a benchmark is, and how long it will take."""

from collections.abc import Iterable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


class Board:
    """A bar on a terminal, and a line for each finished row everywhere.

    Args:
        total: Number of jobs.
        console: Where to show it; None: standard output.
    """

    def __init__(self, total: int, console: Console | None = None) -> None:
        columns = BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn('{task.description}')
        self._progress = Progress(*columns, console=console or Console(soft_wrap=True))
        self._task = self._progress.add_task('', total=total)

    def __enter__(self) -> 'Board':
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, done: int, running: Iterable[str], seconds_left: float) -> None:
        """Show how many jobs are done, which run, and the estimate."""
        names = '; '.join(running)
        self._progress.update(self._task, completed=done, description=f'{duration(seconds_left)} left | {names}')

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


def seconds_left(
    finished: Iterable[tuple[float, float]],
    running: Iterable[tuple[float, float]],
    waiting: Iterable[float],
    places: int,
) -> float:
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


def duration(seconds: float) -> str:
    """Format seconds for people.

    Example:
        >>> duration(40), duration(240), duration(8400)
        ('40 s', '4 min', '2 h 20 min')
    """
    minutes = round(seconds / 60)
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{minutes} min' if minutes < 90 else f'{minutes // 60} h {minutes % 60} min'
