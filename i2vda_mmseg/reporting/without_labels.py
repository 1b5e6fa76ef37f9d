"""What is known of a run without labels: figures of videos, and which checkpoint was chosen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from i2vda_mmseg.errors import describe

from .figures import FactRow, FigureRow, FigureTable, is_number, parse_figures, percent

VIDEOS, SELECTION = 'video.json', 'selection.json'
_FIGURES = ('TC', 'flicker')
_FACTS = ('checkpoint', 'pairs', 'clips', 'protocol', 'preset', 'flow_estimator', 'smooth')
_NONE = '\N{EN DASH}'


class Unlabelled(NamedTuple):
    """What a work dir holds of it.

    Attributes:
        videos: By name of the video, what ``tools/segment_video.py --tc`` measured last.
        selection: What ``tools/select_checkpoint.py`` found; None where it was not asked.
    """

    videos: dict[str, dict[str, Any]]
    selection: dict[str, Any] | None

    def temporal(self) -> list[tuple[str, str]]:
        """Figures of the last video, as text by name."""
        row = next(reversed(self.videos.values()), {})
        return [(name, text) for name in _FIGURES if (text := percent(name, row.get(name)))]


def read_unlabelled(folder: Path, missing: list[str]) -> Unlabelled:
    """Read a work dir; what is damaged is noted in ``missing``."""
    rows = _read(folder / VIDEOS, list, missing, 'figures of videos')
    videos: dict[str, dict[str, Any]] = {}
    for row in rows or []:
        if isinstance(row, dict) and isinstance(row.get('source'), str):
            name = Path(row['source']).name
            videos.pop(name, None)  # so that the last one measured is the last one
            videos[name] = row
    return Unlabelled(videos, _read(folder / SELECTION, dict, missing, 'chosen checkpoint'))


def _read(path: Path, kind: type, missing: list[str], what: str) -> Any:
    if not path.is_file():
        return None
    try:
        content = parse_figures(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError, OSError) as error:
        missing.append(f'no {what}: {path.name} is no JSON ({describe(error)})')
        return None
    if not isinstance(content, kind):
        missing.append(f'no {what}: {path.name} does not hold what the tools write')
        return None
    return content


def video_table(runs: Sequence[Unlabelled]) -> list[FigureTable]:
    """Lay temporal consistency and flicker on videos side by side; none is the best, as they may be measured unlike."""
    rows = []
    for name in _names(runs):
        for figure in _FIGURES:
            found: list[Any] = [run.videos.get(name, {}).get(figure) for run in runs]
            values = [float(value) if is_number(value) else None for value in found]
            if any(value is not None for value in values):
                shown = [percent(figure, value) or _NONE for value in values]
                arrow = '↓' if figure == 'flicker' else '↑'
                rows.append(FigureRow(f'{name}: {figure}', values, [False] * len(values), 1.0, shown, arrow))
    return [FigureTable('videos', 'Videos, without labels', '', rows)] if rows else []


def unlabelled_facts(runs: Sequence[Unlabelled]) -> list[FactRow]:
    """What the figures of videos are about, and the checkpoints that were chosen without labels."""
    rows = [
        _row(f'{name}: {fact}', [run.videos.get(name, {}).get(fact) for run in runs])
        for name in _names(runs)
        for fact in _FACTS
    ]
    selections = [run.selection or {} for run in runs]
    chosen = [_chosen(selection) for selection in selections]
    rows.append(_row('chosen without labels', [each.get('checkpoint') for each in chosen]))
    rows.append(_row('chosen without labels: mean rank', [each.get('mean_rank') for each in chosen]))
    rows.append(_row('chosen without labels: ranked by', [selection.get('ranked_by') for selection in selections]))
    rows.append(_row('chosen without labels: of checkpoints', [_count(selection) for selection in selections]))
    return [row for row in rows if any(value is not None for value in row.values)]


def _names(runs: Sequence[Unlabelled]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.videos))


def _chosen(selection: dict[str, Any]) -> dict[str, Any]:
    """The row of the chosen checkpoint; where all are excluded, that is said in its place."""
    rows = selection.get('checkpoints')
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if found and selection.get('chosen') is None:
        return dict(checkpoint='none: all are excluded')
    return next((row for row in found if row.get('checkpoint') == selection.get('chosen')), {})


def _count(selection: dict[str, Any]) -> int | None:
    rows = selection.get('checkpoints')
    return len(rows) if isinstance(rows, list) else None


def _row(name: str, values: Sequence[Any]) -> FactRow:
    shown = [None if value is None else _text(value) for value in values]
    return FactRow(name, shown, len({value for value in shown if value is not None}) > 1)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ', '.join(map(str, value))
    return f'{value:.4g}' if isinstance(value, float) else str(value)
