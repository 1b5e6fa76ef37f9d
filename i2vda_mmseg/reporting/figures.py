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
_SHARES = ('TC', 'flicker')  # in 0..1 in metrics.json; what mmseg's metric gives is in percent
_INTERVAL = '_interval'
SENTENCES = {
    'mIoU': 'mean over the classes of IoU, the overlap of prediction and ground truth over all labelled frames.',
    'TC': 'temporal consistency: mean over the classes of the overlap of the predictions of a frame and of the next '
    'one, warped to it along optical flow; needs no labels.',
    'flicker': 'share of the pixels seen in both of two consecutive frames whose class changes.',
    'aAcc': 'share of the labelled pixels that get their class.',
    'pixel_accuracy': 'share of the labelled pixels that get their class, as the confusion counts it.',
    'mAcc': 'mean over the classes of the share of their pixels that are found.',
    'mDice': 'mean over the classes of twice the overlap over the sum of both areas.',
    'mFscore': 'mean over the classes of the harmonic mean of precision and recall.',
    'mPrecision': 'mean over the classes of the share of what is predicted as the class that is of it.',
    'mRecall': 'mean over the classes of the share of their pixels that are found.',
    'TC_pairs': 'pairs of consecutive frames that TC and flicker are measured on.',
    'TC_clips': 'clips that these pairs are of.',
    'labelled_frames': 'frames that mIoU is measured on.',
    'threads': 'threads that the processor computed with.',
    'IoU': 'Overlap of prediction and ground truth: pixels that both give the class, over pixels that either gives it.',
    'TC_IoU': 'The same between the predictions of a frame and of the next one, warped to it; needs no labels.',
}
_TITLES = {'IoU': 'IoU by class', 'TC_IoU': 'TC by class', 'Dice': 'Dice by class', 'Fscore': 'F-score by class'}


class FigureRow(NamedTuple):
    """One figure of all runs."""

    name: str  # of the figure or class
    values: list[float | None]  # as in metrics.json, one a run; None where the run has none
    best: list[bool]  # whether the run's lead is more than chance, one a run
    full: float | None  # value at which a bar is full; None draws no bar
    shown: list[str]  # the values as text: percent with one digit, or whole numbers
    arrow: str = ''  # which way is better, '' where neither is
    intervals: Sequence[str] = ()  # 95 % intervals as text, one a run; '' where there is none
    sentence: str = ''  # what the figure is


class FigureTable(NamedTuple):
    """Figures that belong together."""

    name: str  # key of the table in metrics.json, '' for the figures that are in none
    title: str  # above it
    sentence: str  # what its figures are
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
    metrics: Sequence[Metrics | None], leads: Mapping[tuple[str, str], list[bool]] | None = None
) -> list[FigureTable]:
    """Lay all numbers side by side, in percent.

    Args:
        metrics: The content of each run's metrics.json; None for a run without.
        leads: By table and figure, which run's lead over all others is more than chance; see ``compare_runs``.

    Returns:
        The table of single figures, if there are any, then one for each table of numbers, in the files' order.

    Example:
        >>> for table in figure_tables([{'mIoU': 52.08, 'IoU': {'road': 88.2}}, {'mIoU': 43.67, 'TC': 0.66}]):
        ...     print(table.name, [(row.name, row.arrow, row.shown) for row in table.rows])
         [('mIoU', '↑', ['52.1', '43.7']), ('TC', '↑', ['–', '66.0'])]
        IoU [('road', '', ['88.2', '–'])]
    """
    singles = [{key: value for key, value in (m or {}).items() if is_number(value)} for m in metrics]
    singles = [dict(sorted(single.items(), key=_place)) for single in singles]
    tables = [_table('', singles, leads or {}, metrics)]
    for name in _keys(metrics):
        parts = [(m or {}).get(name) for m in metrics]
        if any(is_table(part) for part in parts) and not _is_interval(name):
            numbers = [part if part is not None and is_table(part) else {} for part in parts]
            tables.append(_table(name, numbers, leads or {}, metrics))
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


def _table(
    name: str,
    parts: Sequence[Metrics],
    leads: Mapping[tuple[str, str], list[bool]],
    metrics: Sequence[Metrics | None],
) -> FigureTable:
    rows = []
    for key in _keys(parts):
        values = [part.get(key) for part in parts]
        unit = 100 if _is_share(name, key) else 1
        full = None
        if name or key in _HIGHER | _LOWER:
            full = max(100.0, *(unit * abs(v) for v in values if v is not None), 0.0) / unit
        arrow = '↓' if key in _LOWER and not name else '↑' if key in _HIGHER and not name else ''
        intervals = [] if name else [_interval((m or {}).get(f'{key}{_INTERVAL}'), unit) for m in metrics]
        best = leads.get((name, key), [False] * len(values))
        shown = [_text(value, unit) for value in values]
        rows.append(FigureRow(key, values, best, full, shown, arrow, intervals, '' if name else SENTENCES.get(key, '')))
    title = _TITLES.get(name, name or 'All classes')
    return FigureTable(name, f'{title} ↑' if name in _TITLES else title, SENTENCES.get(name, ''), rows)


def percent(name: str, value: Any) -> str | None:
    """Write a single figure of metrics.json in percent with one digit; None where it is none.

    Example:
        >>> percent('mIoU', 52.083), percent('flicker', 0.1041), percent('TC', None)
        ('52.1', '10.4', None)
    """
    return _text(value, unit_of(name)) if is_number(value) else None


def unit_of(name: str) -> int:
    """What a single figure of metrics.json is multiplied by to be in percent.

    Example:
        >>> unit_of('TC'), unit_of('mIoU')
        (100, 1)
    """
    return 100 if _is_share('', name) else 1


def _text(value: float | None, unit: int) -> str:
    if value is None:
        return _NONE
    return str(value) if isinstance(value, int) and unit == 1 else f'{unit * value:.1f}'


def _is_share(table: str, key: str) -> bool:
    return table.startswith(_SHARES) if table else key in _SHARES


def _interval(bounds: Any, unit: int) -> str:
    if not isinstance(bounds, Mapping) or not all(is_number(bounds.get(end)) for end in ('low', 'high')):
        return ''
    return f'{unit * bounds["low"]:.1f} to {unit * bounds["high"]:.1f}'


def _is_interval(name: str) -> bool:
    return name.endswith(_INTERVAL)


def _place(item: tuple[str, float]) -> int:
    """Order of single figures: the main ones, the others, and what is only counted."""
    name, value = item
    if name in _FIRST:
        return _FIRST.index(name)
    return len(_FIRST) + (isinstance(value, int) and name not in _HIGHER)


def _keys(mappings: Sequence[Metrics | None]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping or {}))
