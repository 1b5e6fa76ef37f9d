"""The figures of several metrics.json side by side."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Metrics = Mapping[str, Any]
_HIGHER = {'mIoU', 'aAcc', 'mAcc', 'mDice', 'mFscore', 'mPrecision', 'mRecall', 'TC'}
_NONE = '\N{EN DASH}'
_LOWER = {'flicker'}
_DIGITS = 18  # of a whole number
_FIRST = ('mIoU', 'TC', 'flicker')
_SHARES = ('TC', 'flicker')  # in 0..1; what mmseg's metric gives is in percent


class FigureRow(NamedTuple):
    """One figure of all runs."""

    name: str  # of the figure or class
    values: list[float | None]  # one a run; None where the run has none, as for a class that occurs nowhere
    best: list[bool]  # whether the value is the best of all runs, one a run
    full: float | None  # value at which a bar is full; None draws no bar
    shown: list[str]  # the values as text


class FigureTable(NamedTuple):
    """Figures that belong together."""

    name: str  # key of the table in metrics.json, '' for the figures that are in none
    unit: str  # what the numbers are
    rows: list[FigureRow]  # the figures


class FactRow(NamedTuple):
    """What a figure is about, of all runs."""

    name: str  # key in metrics.json, dots between nested keys
    values: list[str | None]  # as text, one a run; None where the run says nothing
    differs: bool  # whether the runs say different things


def parse_figures(text: str) -> Any:
    """Read JSON; NaN and infinity, which some programs write although JSON has none, and endless numbers are None.

    Raises:
        ValueError: If it is no JSON.
        RecursionError: If it is nested too deeply.

    Example:
        >>> parse_figures('{"mIoU": 52.5, "IoU/bus": NaN}')
        {'mIoU': 52.5, 'IoU/bus': None}
    """
    return json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_whole)


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _whole(text: str) -> int | None:
    return int(text) if len(text) <= _DIGITS else None


def figure_tables(
    metrics: Sequence[Metrics | None], comparable: bool = True, temporal_comparable: bool = True
) -> list[FigureTable]:
    """Lay all numbers side by side.

    Args:
        metrics: The content of each run's metrics.json; None for a run without.
        comparable: Whether a best run may be told.
        temporal_comparable: Whether one may be told of temporal consistency, TC and flicker, as well.

    Returns:
        The table of single figures, if there are any, then one for each table of numbers, in the files' order.

    Example:
        >>> for table in figure_tables([{'mIoU': 52.08, 'IoU': {'road': 88.2}}, {'mIoU': 43.67}]):
        ...     print(table.name, [(row.name, row.shown, row.best) for row in table.rows])
         [('mIoU', ['52.08', '43.67'], [True, False])]
        IoU [('road', ['88.20', '–'], [False, False])]
    """
    singles = [{key: value for key, value in (m or {}).items() if is_number(value)} for m in metrics]
    singles = [dict(sorted(single.items(), key=lambda item: _place(item[0]))) for single in singles]
    ranked = (comparable, comparable and temporal_comparable)
    tables = [_table('', '', singles, ranked)]
    for name in _keys(metrics):
        parts = [(m or {}).get(name) for m in metrics]
        if any(is_table(part) for part in parts):
            unit = 'share' if name.startswith(_SHARES) else 'percent'
            numbers = [part if part is not None and is_table(part) else {} for part in parts]
            tables.append(_table(name, unit, numbers, ranked))
    return [table for table in tables if table.rows]


def fact_rows(metrics: Sequence[Metrics | None], leave_out: Sequence[str] = ('versions',)) -> list[FactRow]:
    """Lay everything that is no figure side by side.

    Example:
        >>> fact_rows([{'protocol': 'viper15', 'TC_switches': {'mask': 'none'}}, None])[1]
        FactRow(name='TC_switches.mask', values=['none', None], differs=False)
    """
    facts = []
    for m in metrics:
        kept = {key: value for key, value in (m or {}).items() if key not in leave_out}
        facts.append(flatten({key: value for key, value in kept.items() if not (is_number(value) or is_table(value))}))
    rows = []
    for name in _keys(facts):
        values = [None if fact.get(name) is None else str(fact[name]) for fact in facts]
        present = {value for fact, value in zip(facts, values) if fact}
        rows.append(FactRow(name, values, len(present) > 1))
    return rows


def flatten(tree: Any, prefix: str = '') -> dict[str, Any]:
    """Give the leaves of nested dicts and lists by their path; empty ones are leaves.

    Example:
        >>> flatten({'model': {'dilations': [6, 12], 'init_cfg': None}})
        {'model.dilations': '[6, 12]', 'model.init_cfg': None}
    """
    if isinstance(tree, Mapping) and tree:
        items = list(tree.items())
    elif isinstance(tree, (list, tuple)) and any(isinstance(part, (Mapping, list, tuple)) for part in tree):
        items = list(enumerate(tree))
    else:
        leaf = str(list(tree)) if isinstance(tree, (list, tuple)) else tree
        return {prefix: leaf} if prefix else {}
    leaves: dict[str, Any] = {}
    for key, value in items:
        leaves.update(flatten(value, f'{prefix}.{key}' if prefix else str(key)))
    return leaves


def is_number(value: Any) -> bool:
    """Whether it is a figure; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_table(value: Any) -> bool:
    """Whether it is figures by name, some of which may be None."""
    return (
        isinstance(value, Mapping)
        and all(part is None or is_number(part) for part in value.values())
        and any(is_number(part) for part in value.values())
    )


def _table(name: str, unit: str, parts: Sequence[Metrics], ranked: tuple[bool, bool]) -> FigureTable:
    rows = []
    for key in _keys(parts):
        values = [part.get(key) for part in parts]
        is_share = (name or key).startswith(_SHARES) and not any(isinstance(value, int) for value in values)
        digits = 4 if is_share else 2
        shown = [_NONE if v is None else str(v) if isinstance(v, int) else f'{v:.{digits}f}' for v in values]
        full = None
        if name or key in _HIGHER | _LOWER:
            full = max(1.0 if is_share else 100.0, *(abs(v) for v in values if v is not None), 0.0)
        may_rank = ranked[(name or key).startswith(_SHARES)]
        best = _best(values, bool(name) or key in _HIGHER, key in _LOWER) if may_rank else [False] * len(values)
        rows.append(FigureRow(key, values, best, full, shown))
    return FigureTable(name, unit, rows)


def _best(values: Sequence[float | None], is_higher: bool, is_lower: bool) -> list[bool]:
    present = [value for value in values if value is not None]
    if len(present) < 2 or not (is_higher or is_lower) or len(set(present)) == 1:
        return [False] * len(values)
    target = max(present) if is_higher else min(present)
    return [value == target for value in values]


def _place(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _keys(mappings: Sequence[Metrics | None]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping or {}))
