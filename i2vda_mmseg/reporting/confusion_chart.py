"""A confusion matrix as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from i2vda_mmseg.fileio.atomic import atomic_file


def draw_confusion(matrix: Mapping[str, Any], path: str | Path) -> Path:
    """Draw the shares of each true class, in percent: a row sums to 100.

    Args:
        matrix: ``classes`` and ``counts`` as ``ConfusionMatrix`` writes them.
        path: PNG file.
    """
    names = matrix['classes']
    shares = row_shares(matrix['counts'])
    side = 2.5 + 0.45 * len(names)
    figure = Figure(figsize=(side + 0.6, side), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    image = axes.imshow(np.nan_to_num(shares), cmap='Blues', vmin=0, vmax=100)
    for row, column in np.ndindex(*shares.shape):
        if shares[row, column] >= 0.5:
            color = 'white' if shares[row, column] > 50 else 'black'
            axes.text(column, row, f'{shares[row, column]:.0f}', ha='center', va='center', color=color, fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=60, ha='right')
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel('predicted')
    axes.set_ylabel('label')
    figure.colorbar(image, label='percent of the label', shrink=0.8)
    with atomic_file(path) as draft:
        figure.savefig(draft, format='png', dpi=100)
    return Path(path)


def largest_confusions(matrix: Mapping[str, Any], count: int = 10) -> list[tuple[str, str, float]]:
    """Name the largest mistakes: the label, what it is taken for, and its share of the label's pixels in percent."""
    names, shares = matrix['classes'], row_shares(matrix['counts'])
    wrong = [
        (names[row], names[column], float(shares[row, column]))
        for row, column in np.ndindex(*shares.shape)
        if row != column and shares[row, column] > 0
    ]
    return sorted(wrong, key=lambda mistake: -mistake[2])[:count]


def row_shares(counts: Sequence[Sequence[int]]) -> np.ndarray:
    """Give each count as percent of its row; NaN for a class that does not occur.

    Example:
        >>> row_shares([[3, 1], [0, 2]]).tolist()
        [[75.0, 25.0], [0.0, 100.0]]
    """
    numbers = np.asarray(counts, dtype=np.float64)
    with np.errstate(invalid='ignore'):
        return 100 * numbers / numbers.sum(1, keepdims=True)
