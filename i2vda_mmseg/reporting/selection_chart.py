"""Criteria over the checkpoints of a run, as a picture."""

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from i2vda_mmseg.evaluation.label_free import CRITERIA
from i2vda_mmseg.fileio.atomic import atomic_file

_COLUMNS = 3


def draw_selection(selection: dict[str, Any], path: str | Path) -> Path:
    """Draw each criterion over the iterations, the mean rank, excluded checkpoints and the chosen one."""
    rows = selection['checkpoints']
    series = {
        CRITERIA[name] + ('' if name in selection['ranked_by'] else ' (does not count)'): [
            (row['iteration'], row['criteria'].get(name), row['excluded']) for row in rows
        ]
        for name in CRITERIA
    }
    series = {title: points for title, points in series.items() if any(value is not None for _, value, _ in points)}
    series['mean rank, 1 is best'] = [(row['iteration'], row['mean_rank'], row['excluded']) for row in rows]
    chosen = next((row['iteration'] for row in rows if row['checkpoint'] == selection['chosen']), None)
    lines = -(-len(series) // _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 2.4 * lines), layout='constrained')
    FigureCanvasAgg(figure)
    for axes, (title, points) in zip(figure.subplots(lines, _COLUMNS, squeeze=False).flat, series.items()):
        _draw(axes, title, points, chosen)
    for axes in figure.axes[len(series) :]:
        axes.remove()
    name = f'{selection["chosen"]} is chosen (dashed)' if selection['chosen'] else 'none is chosen'
    figure.suptitle(f'{name}; x: collapsed or excluded', fontsize=10)
    with atomic_file(path) as draft:
        figure.savefig(draft, format='png', dpi=100)
    return Path(path)


def _draw(axes: Any, title: str, points: list[tuple[int, float | None, str | None]], chosen: int | None) -> None:
    known = [(x, y) for x, y, excluded in points if y is not None and not excluded]
    left_out = [(x, y) for x, y, excluded in points if y is not None and excluded]
    axes.plot(*zip(*known) if known else ([], []), marker='o', markersize=4, color='tab:blue')
    axes.plot(*zip(*left_out) if left_out else ([], []), marker='x', linestyle='', color='tab:red')
    if chosen is not None:
        axes.axvline(chosen, linestyle='--', linewidth=1, color='tab:green')
    if title.startswith('mean rank'):
        axes.invert_yaxis()
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=8)
