"""Which differences between runs are more than the choice of the clips: paired intervals over the clips of the test."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from i2vda_mmseg.evaluation import ClipCounts, paired_intervals
from i2vda_mmseg.evaluation.bootstrap import LEAST_CLIPS, Interval

from .run_record import RunRecord

_PARTS = {'mIoU': {'mean': ('', 'mIoU')}, 'TC': {'mean': ('', 'TC'), 'flicker': ('', 'flicker')}}
_CLASSES = {'mIoU': 'IoU', 'TC': 'TC_IoU'}  # table of the classes' own figures
_LOWER = ('', 'flicker')
_ALL_PAIRS_OF = 4  # runs; of more, each is compared with the first
_TOLERANCE = 1e-6

Place = tuple[str, str]  # table of metrics.json, '' for none, and figure
Intervals = dict[tuple[int, int], dict[Place, Interval]]  # of the first run less the second, in 0..1


class Difference(NamedTuple):
    """What one run has more than another, in points of percent."""

    value: str
    interval: str
    is_supported: bool  # whether the interval leaves 0 out


class DifferenceRow(NamedTuple):
    """What one run has more than another."""

    run: int  # their positions
    other: int
    cells: list[Difference | None]  # a figure each


class Support(NamedTuple):
    """What may be said of the differences."""

    leads: dict[Place, list[bool]]  # by figure: whether a run's lead over each other one is more than chance
    figures: list[str]  # of the columns of ``differences``
    differences: list[DifferenceRow]
    note: str  # one sentence, also where there is none


def compare_runs(runs: Sequence[RunRecord], comparable: bool = True, temporal: bool = True) -> Support:
    """Compare runs pair by pair.

    Args:
        runs: The runs.
        comparable: Whether their figures may be compared at all.
        temporal: Whether those of temporal consistency may, as well.
    """
    figures = [figure for figure in _PARTS if comparable and (temporal or figure == 'mIoU')]
    found = _intervals([{figure: _valid(run, figure) for figure in figures} for run in runs])
    if len(runs) < 2:
        return Support({}, [], [], '')
    if not found:
        return Support({}, [], [], _reason(runs, comparable))
    places = {place: None for intervals in found.values() for place in intervals}
    tested = {place: [i for i, run in enumerate(runs) if _has(run, place)] for place in places}
    leads = {place: [_leads(i, others, place, found) for i in range(len(runs))] for place, others in tested.items()}
    singles = [place for parts in _PARTS.values() for place in parts.values() if place in places]
    several = len(runs) <= _ALL_PAIRS_OF
    pairs = [(b, a) for a, b in combinations(range(len(runs)), 2) if several or a == 0]
    rows = [DifferenceRow(b, a, [_cell(runs, (b, a), place, found) for place in singles]) for b, a in pairs]
    clips = max(len(counts.clips) for run in runs for counts in run.clip_counts.values())
    note = (
        f'Bold: a lead over every other run whose paired 95 % interval, of 2,000 draws of the {clips} clips, leaves 0 '
        'out. This is about other clips, not about other seeds of the training.'
    )
    return Support(leads, [name for _, name in singles], [row for row in rows if any(row.cells)], note)


def _valid(run: RunRecord, figure: str) -> ClipCounts | None:
    """The counts behind a figure of metrics.json; none where clips.json is of another test."""
    counts = run.clip_counts.get(figure)
    value = (run.metrics or {}).get(figure)
    if counts is None or not isinstance(value, (int, float)) or not counts.clips:
        return None
    unit = 100 if figure == 'mIoU' else 1
    return counts if abs(unit * counts.figure() - value) < _TOLERANCE * unit else None


def _intervals(counts: Sequence[dict[str, ClipCounts | None]]) -> Intervals:
    """Compare all pairs, each of which is drawn once and read in both directions."""
    found: Intervals = {}
    for a, b in combinations(range(len(counts)), 2):
        for figure in counts[a]:
            first, other = counts[a][figure], counts[b].get(figure)
            if first is None or other is None:
                continue
            for name, interval in paired_intervals(first, other).items():
                place = _PARTS[figure].get(name) or (_CLASSES[figure], name)
                found.setdefault((a, b), {})[place] = interval
                found.setdefault((b, a), {})[place] = Interval(-interval.high, -interval.low)
    return found


def _has(run: RunRecord, place: Place) -> bool:
    return _value(run, place) is not None


def _value(run: RunRecord, place: Place) -> float | None:
    table, name = place
    metrics = run.metrics or {}
    source = metrics.get(table) if table else metrics
    value = source.get(name) if isinstance(source, dict) else None
    return float(value) if isinstance(value, (int, float)) else None


def _leads(run: int, others: Sequence[int], place: Place, found: Intervals) -> bool:
    rivals = [other for other in others if other != run]
    if run not in others or not rivals:
        return False
    intervals = [found.get((run, other), {}).get(place) for other in rivals]
    return all(each is not None and (each.high < 0 if place == _LOWER else each.low > 0) for each in intervals)


def _cell(runs: Sequence[RunRecord], pair: tuple[int, int], place: Place, found: Intervals) -> Difference | None:
    interval = found.get(pair, {}).get(place)
    first, other = (_value(runs[run], place) for run in pair)
    if interval is None or first is None or other is None:
        return None
    difference = (1 if place == ('', 'mIoU') else 100) * (first - other)
    bounds = f'{_signed(100 * interval.low)} to {_signed(100 * interval.high)}'
    return Difference(_signed(difference), bounds, interval.excludes_zero)


def _signed(value: float) -> str:
    return f'{round(value, 2) + 0.0:+.2f}'.replace('-', '\N{MINUS SIGN}')


def _reason(runs: Sequence[RunRecord], comparable: bool) -> str:
    if not comparable:
        return 'Nothing is bold: the figures must not be compared.'
    if not all(run.clip_counts for run in runs if run.metrics):
        return (
            'Nothing is bold: without clips.json, which tools/test.py writes, nothing says whether a difference is '
            'more than the choice of the clips.'
        )
    return f'Nothing is bold: the runs have fewer than {LEAST_CLIPS} clips in common, too few to tell a difference by.'
