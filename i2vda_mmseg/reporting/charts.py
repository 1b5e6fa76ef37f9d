"""Curves as SVG that follows the page: its font, its colours by day and by night."""

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .run_record import RunRecord
from .scalars import Scalars, names_of

# Stand-ins that matplotlib draws with, and the properties of the style sheet that take their place.
_INK, _GRID, _PAPER = '#010203', '#010204', '#010205'
_RUN = '#0102{:02x}'
_FIRST_RUN = 0x10
RUN_COLORS = 8  # of the style sheet; more runs repeat them with other dashes
_DASHES = ('-', '--', ':', '-.')
_MARKERS = 'osD^vPX*'
_MAX_POINTS = 400
# Inches, of 72 CSS pixels where the page shows the drawing at its own size, and pixels of text.
_SHAPES = {'narrow': (4.6, 2.9, 11.5), 'wide': (10.5, 3.8, 10)}


class Curve(NamedTuple):
    """What one run logged."""

    run: int  # its position among the runs of the page
    x: Sequence[float]  # iterations
    y: Sequence[float]  # finite values, as many


class Chart(NamedTuple):
    """Curves of all runs in one picture."""

    title: str  # above it
    note: str  # below it; '' for none
    # ``dict(kind, svg, reader)`` for each shape of screen; ``reader`` has the scales and points by which a
    # pointer over the picture is told the values
    drawings: list[dict[str, Any]]


def draw_chart(
    title: str,
    curves: Sequence[Curve],
    markers: bool = False,
    wide: bool = False,
    note: str = '',
    axis: str = 'iteration',
) -> Chart:
    """Draw curves over iterations, or over something else that is counted.

    More than 400 points of a curve are averaged in groups of neighbours, and the note says so.

    Args:
        title: Above the chart; the axis needs no label of its own.
        curves: One a run; at least one.
        markers: Mark every point, for those that are few.
        wide: Draw it a second time for wide screens.
        note: Below the chart.
        axis: What is counted.
    """
    thinned = [thin(curve, _MAX_POINTS) for curve in curves]
    if group := max((size for _, size in thinned), default=1) - 1:
        note = ' '.join(filter(None, (note, f'Each point is the mean of up to {group + 1} logged ones.')))
    kinds = ('wide', 'narrow') if wide else ('narrow',)
    shown = [curve for curve, _ in thinned]
    return Chart(title, note, [_draw(title, shown, markers, kind, len(kinds) > 1, axis) for kind in kinds])


def thin(curve: Curve, most: int) -> tuple[Curve, int]:
    """Average neighbouring points until there are at most ``most``, and give the size of the groups.

    Example:
        >>> thin(Curve(0, [1, 2, 3, 4, 5], [1, 3, 5, 7, 9]), 3)
        (Curve(run=0, x=[1.5, 3.5, 5.0], y=[2.0, 6.0, 9.0]), 2)
    """
    group = -(-len(curve.x) // most)
    if group <= 1:
        return curve, 1
    starts = range(0, len(curve.x), group)
    x, y = ([float(np.mean(values[i : i + group])) for i in starts] for values in (curve.x, curve.y))
    return Curve(curve.run, x, y), group


def _draw(title: str, curves: Sequence[Curve], markers: bool, kind: str, has_both: bool, axis: str) -> dict[str, Any]:
    width, height, text = _SHAPES[kind]
    style: dict[Any, Any] = {
        'svg.fonttype': 'none', 'svg.hashsalt': f'{title} {kind}', 'font.size': text, 'text.color': _INK,
        'axes.edgecolor': _GRID, 'xtick.color': _GRID, 'ytick.color': _GRID, 'xtick.labelcolor': _INK,
        'ytick.labelcolor': _INK, 'axes.labelcolor': _INK, 'grid.color': _GRID, 'grid.linewidth': 0.7,
        'axes.spines.top': False, 'axes.spines.right': False, 'axes.spines.left': False,
        'ytick.major.size': 0, 'axes.unicode_minus': True, 'path.simplify': False,
    }  # fmt: skip
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout='constrained')
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        _plot(axes, curves, markers, axis)
        file = StringIO()
        figure.savefig(file, format='svg', transparent=True, metadata={'Date': None, 'Creator': None})
        reader = _reader(axes, curves, height * 72) | dict(axis=axis)
    kinds = f'{kind} both' if has_both else kind
    return dict(kind=kinds, svg=_adopt(file.getvalue(), title), reader=reader)


def _plot(axes: Axes, curves: Sequence[Curve], markers: bool, axis: str) -> None:
    for curve in curves:
        (line,) = axes.plot(
            curve.x,
            curve.y,
            color=_RUN.format(_FIRST_RUN + curve.run % RUN_COLORS),
            linestyle=_DASHES[curve.run // RUN_COLORS % len(_DASHES)],
            linewidth=2,
            marker=_MARKERS[curve.run % len(_MARKERS)] if markers or len(curve.x) == 1 else None,
            markersize=6,
            markeredgecolor=_PAPER,
        )
        line.set_gid(f'run-{curve.run}')
    axes.grid(axis='y')
    axes.set_axisbelow(True)
    axes.margins(x=0.03, y=0.08)
    steps = [x for curve in curves for x in curve.x]
    if min(steps) == max(steps):
        axes.set_xlim(min(steps) - 1, max(steps) + 1)  # else the ticks would be fractions of an iteration
    if min(y for curve in curves for y in curve.y) >= 0:
        axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))
    axes.set_xlabel(axis)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f'{value:,.0f}'.replace(',', '\N{THIN SPACE}'))


def _reader(axes: Axes, curves: Sequence[Curve], height: float) -> dict[str, Any]:
    """Where the data are in the picture, in its own units from the upper left corner."""
    dpi = axes.figure.dpi
    left, bottom = axes.transAxes.transform((0, 0)) * 72 / dpi
    right, top = axes.transAxes.transform((1, 1)) * 72 / dpi
    points = [
        dict(run=curve.run, x=[round(float(x), 2) for x in curve.x], y=[float(f'{y:.5g}') for y in curve.y])
        for curve in curves
    ]
    return dict(
        box=[round(float(v), 2) for v in (left, height - top, right, height - bottom)],
        xlim=[float(v) for v in axes.get_xlim()],
        curves=points,
    )


def _adopt(svg: str, title: str) -> str:
    """Make a document of its own part of the page: no names that clash, no style for everything, our colours."""
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->', '', svg, flags=re.DOTALL)
    used = set(re.findall(r'url\(#([^)]+)\)', svg)) | set(re.findall(r'href="#([^"]+)"', svg))
    svg = re.sub(r' id="(run-\d+)"', r' class="\1"', svg)
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else '', svg)
    svg = svg.replace(_INK, 'currentColor').replace(_GRID, 'var(--grid)').replace(_PAPER, 'var(--card)')
    for run in range(RUN_COLORS):
        svg = svg.replace(_RUN.format(_FIRST_RUN + run), f'var(--run-{run})')
    svg = re.sub(r'<svg [^>]*?(viewBox="[^"]+")[^>]*>', r'<svg \1 aria-hidden="true">', svg, count=1)
    return re.sub(r'font: ([\d.]+)px [^;\"]+', r'font-size: \1px', svg)


_KEPT = ('pseudo_label_ratio',)


def draw_curves(runs: Sequence[RunRecord]) -> list[Chart]:
    """Draw mIoU at each validation (the paper's Fig. 6), the share of kept pseudo-labels, and each loss.

    Only what a run has logged is drawn.
    """
    validation, train = [run.validation for run in runs], [run.train for run in runs]
    losses = [name for name in names_of(train) if 'loss' in name]
    charts = [
        *_charts(validation, ['mIoU'], 'mIoU of validation, in percent', True, True, 'Each marker is one validation.'),
        *_charts(
            train, _KEPT, 'Kept pseudo-labels, in percent', note='Of all pixels of the target frames.', factor=100
        ),
    ]
    return charts + [chart for name in losses for chart in _charts(train, [name], name, note=_term_note(name, runs))]


def _term_note(name: str, runs: Sequence[RunRecord]) -> str:
    """Say whose adversarial terms are added up otherwise than the others'."""
    models = [(run.name, (run.config or {}).get('model')) for run in runs]
    types = {run: model.get('type') for run, model in models if isinstance(model, Mapping)}
    summed = [run for run, kind in types.items() if kind == 'I2VDA']
    halved = [run for run, kind in types.items() if kind in ('AdaptSegNet', 'DAVSN')]
    if name.startswith('loss_adv') and summed:
        return f'Of {", ".join(summed)} the sum of two passes, I_{{0}} and I_{{t}} (Eq. 11); other methods make one.'
    if name.startswith('loss_dis') and halved:
        return f"Of {', '.join(halved)} half the sum of the source's term and the target's; of others the whole sum."
    return ''


def _charts(
    tables: Sequence[Scalars],
    names: Sequence[str],
    title: str,
    markers: bool = False,
    wide: bool = False,
    note: str = '',
    factor: float = 1,
) -> list[Chart]:
    """Draw one chart for the first of the names that is logged, if any is."""
    for name in names:
        curves = []
        for run, table in enumerate(tables):
            points = sorted(table.get(name, {}).items())
            if points:
                curves.append(Curve(run, [step for step, _ in points], [factor * value for _, value in points]))
        if curves:
            return [draw_chart(title, curves, markers, wide, note)]
    return []
