"""Runs that differ in their seed only, taken together: mean and standard deviation."""

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from .comparison import settings_of
from .figures import is_number, unit_of
from .run_record import RunRecord

_FIGURES = ('mIoU', 'TC', 'flicker')
_SEED = 'randomness.seed'
# What goes with a seed where each has a street and an initialisation of its own, and changes no setting.
_OF_A_SEED = re.compile(r'(^load_from|(^|\.)data_root|^randomness\..*)$')
_END_OF_NAME = re.compile(r'[\W_]*(seed)?[\W_]*$')


class SeedRow(NamedTuple):
    """The runs of one method and setting.

    Attributes:
        name: What their names have in common.
        seeds: Theirs, as text, in order.
        runs: Their positions.
        cells: By figure, mean and standard deviation in percent; '' where a run lacks it.
    """

    name: str
    seeds: str
    runs: list[int]
    cells: list[str]


class SeedTable(NamedTuple):
    """All rows, and the figures of their columns; no row where no setting has several seeds."""

    figures: list[str]
    rows: list[SeedRow]


def seed_table(runs: Sequence[RunRecord]) -> SeedTable:
    """Take the runs together whose configs differ in the seed, and in where data and initial weights lie, only."""
    groups: dict[str, list[int]] = {}
    for position, run in enumerate(runs):
        if run.config is not None and run.metrics is not None:
            groups.setdefault(_identity(run), []).append(position)
    several = [positions for positions in groups.values() if len(_seeds(runs, positions)) > 1]
    figures = [name for name in _FIGURES if any(is_number((run.metrics or {}).get(name)) for run in runs)]
    return SeedTable(figures, [_row(runs, positions, figures) for positions in several])


def _identity(run: RunRecord) -> str:
    kept = {key: value for key, value in settings_of(run.config).items() if not _OF_A_SEED.search(key)}
    return repr((sorted(kept.items()), (run.metrics or {}).get('protocol')))


def _seeds(runs: Sequence[RunRecord], positions: Sequence[int]) -> list[str]:
    return sorted({settings_of(runs[position].config).get(_SEED, 'none') for position in positions})


def _row(runs: Sequence[RunRecord], positions: list[int], figures: Sequence[str]) -> SeedRow:
    members = [runs[position] for position in positions]
    letters = takewhile(lambda each: len(set(each)) == 1, zip(*(run.name for run in members)))
    common = _END_OF_NAME.sub('', ''.join(each[0] for each in letters))
    name = common or f'{members[0].name} and {len(members) - 1} more'
    cells = [_cell(figure, [run.metrics or {} for run in members]) for figure in figures]
    return SeedRow(name, ', '.join(_seeds(runs, positions)), positions, cells)


def _cell(figure: str, metrics: Sequence[Mapping[str, Any]]) -> str:
    numbers = [unit_of(figure) * each[figure] for each in metrics if is_number(each.get(figure))]
    return mean_and_deviation(numbers) if len(numbers) == len(metrics) else ''


def mean_and_deviation(values: Sequence[float], sign: str = '-') -> str:
    """Format figures with one decimal, as ``mean ± standard deviation``; one figure has no deviation.

    Args:
        values: The figures.
        sign: '-': only negative means have one; '+': all have.

    Example:
        >>> mean_and_deviation([1.0, 2.0, 4.5])
        '2.5 ± 1.8'
    """
    if not values:
        return '-'
    mean = f'{math.fsum(values) / len(values):{sign}.1f}'
    return f'{mean} ± {statistics.stdev(values):.1f}' if len(values) > 1 else mean
