"""What a run has logged, in figures and as a picture; restarts are joined as on the page of runs."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from i2vda_mmseg.fileio.atomic import atomic_file

from .run_record import short_names
from .scalars import read_scalars


class LogLine(NamedTuple):
    """One logged value of one run."""

    run: str
    name: str
    points: dict[int, float]  # by iteration
    at_validation: bool

    @property
    def last(self) -> tuple[int, float]:
        """Iteration and value of the last entry."""
        return max(self.points.items())

    @property
    def recent(self) -> float:
        """Mean of the last tenth of the entries, at least one: losses are noisy."""
        ordered = [value for _, value in sorted(self.points.items())]
        return statistics.fmean(ordered[-max(1, len(ordered) // 10) :])


def read_logs(folders: Sequence[str | Path], keys: Sequence[str] = ()) -> list[LogLine]:
    """Read the logs of runs.

    Args:
        folders: Work dirs.
        keys: Which values, by name; none: all.

    Raises:
        FileNotFoundError: If a work dir has no log.
        ValueError: If a key was logged by no run.
    """
    lines = []
    for folder, run in zip(folders, short_names(folders)):
        train, validation, _ = read_scalars(Path(folder))
        if not train and not validation:
            raise FileNotFoundError(
                f'{folder} has no */vis_data/scalars.json with entries: is it the work dir of a run?'
            )
        for table, at_validation in ((train, False), (validation, True)):
            lines += [LogLine(run, name, points, at_validation) for name, points in table.items() if points]
    known = {line.name for line in lines}
    if unknown := [key for key in keys if key not in known]:
        raise ValueError(f'{", ".join(unknown)}: no run has logged this; there is {", ".join(sorted(known))}')
    return [line for line in lines if not keys or line.name in keys]


def draw_logs(lines: Sequence[LogLine], path: str | Path) -> Path:
    """Draw one chart for each name, all runs in it, as a PNG file."""
    names = list(dict.fromkeys(line.name for line in lines))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4.5 * columns, 2.8 * rows), layout='constrained')
    FigureCanvasAgg(figure)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, name in zip(grid, names):
        for line in lines:
            if line.name == name:
                axes.plot(*zip(*sorted(line.points.items())), label=line.run, marker='o' if line.at_validation else '')
        axes.set_title(name, fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    for axes in grid[len(names) :]:
        axes.remove()
    with atomic_file(path) as draft:
        figure.savefig(draft, format='png', dpi=100)
    return Path(path)
