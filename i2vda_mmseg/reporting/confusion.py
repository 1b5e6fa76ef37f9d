"""Which class is taken for which, run by run, as a table of colours."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from i2vda_mmseg.errors import describe

from .confusion_chart import largest_confusions, row_shares

CONFUSION = 'confusion.json'
_WORST = 5


class ConfusionTable(NamedTuple):
    """The confusion of one run."""

    run: int  # its position
    classes: list[str]
    shares: list[list[float | None]]  # in percent of the row's class; None for a class that does not occur
    worst: list[str]  # its largest mistakes, one sentence each


def read_confusion(folder: Path, missing: list[str]) -> dict[str, Any] | None:
    """Read what ``ConfusionMatrix`` has written; None where nothing is there, and a note where it is damaged."""
    path = folder / CONFUSION
    if not path.is_file():
        return None
    try:
        matrix = json.loads(path.read_text(encoding='utf-8'))
        counts = np.asarray(matrix['counts'], dtype=np.float64)
        names = [str(name) for name in matrix['classes']]
    except (ValueError, TypeError, KeyError, RecursionError, OSError) as error:
        missing.append(f'no confusion: {CONFUSION} cannot be read ({describe(error)})')
        return None
    if counts.shape != (len(names), len(names)) or not np.isfinite(counts).all() or (counts < 0).any():
        missing.append(f'no confusion: {CONFUSION} does not hold a row and a column for each class')
        return None
    return dict(classes=names, counts=counts.tolist())


def confusion_tables(matrices: Sequence[dict[str, Any] | None]) -> list[ConfusionTable]:
    """Lay out the confusion of each run that has one."""
    tables = []
    for run, matrix in enumerate(matrices):
        if matrix is None:
            continue
        shares = [[None if np.isnan(share) else float(share) for share in row] for row in row_shares(matrix['counts'])]
        mistakes = largest_confusions(matrix, _WORST)
        worst = [f'{share:.0f} % of {label} taken for {predicted}' for label, predicted, share in mistakes]
        tables.append(ConfusionTable(run, matrix['classes'], shares, worst))
    return tables
