"""The charts of the page."""

from collections.abc import Sequence

from .charts import Chart, Curve, draw_chart
from .run_record import RunRecord
from .scalars import Scalars, names_of

_KEPT = ('pseudo_label_ratio',)


def draw_curves(runs: Sequence[RunRecord]) -> list[Chart]:
    """Draw mIoU at each validation (the paper's Fig. 6), the share of kept pseudo-labels, and each loss.

    Only what a run has logged is drawn.
    """
    validation, train = [run.validation for run in runs], [run.train for run in runs]
    losses = [name for name in names_of(train) if 'loss' in name]
    charts = [
        *_charts(validation, ['mIoU'], 'mIoU of validation, in percent', True, True, 'Each marker is one validation.'),
        *_charts(train, _KEPT, 'Share of kept pseudo-labels', note='Of all pixels of the target frames, in 0..1.'),
    ]
    return charts + [chart for name in losses for chart in _charts(train, [name], name)]


def _charts(
    tables: Sequence[Scalars],
    names: Sequence[str],
    title: str,
    markers: bool = False,
    wide: bool = False,
    note: str = '',
) -> list[Chart]:
    """Draw one chart for the first of the names that is logged, if any is."""
    for name in names:
        curves = []
        for run, table in enumerate(tables):
            points = sorted(table.get(name, {}).items())
            if points:
                curves.append(Curve(run, [step for step, _ in points], [value for _, value in points]))
        if curves:
            return [draw_chart(title, curves, markers, wide, note)]
    return []
