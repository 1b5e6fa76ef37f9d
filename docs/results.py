"""What was measured, read from results/*.json, and its layout in Markdown."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MISSING = '-'


@cache
def read(name: str) -> Any:
    """Read ``results/<name>.json``."""
    return json.loads((ROOT / 'results' / f'{name}.json').read_text(encoding='utf-8'))


def grid(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = True) -> str:
    """Lay rows out in Markdown; all columns but the first are aligned to the right if they hold numbers.

    Example:
        >>> print(grid(['', 'mIoU'], [['I2VDA', '51.1']]))
        | | mIoU |
        |---|---:|
        | I2VDA | 51.1 |
    """
    rule = f'|---|{("---:|" if numbers else "---|") * (len(head) - 1)}'
    return '\n'.join([_line(head), rule, *map(_line, rows)])


def cell(value: Any, spec: str = '', unit: str = '') -> str:
    """Lay out a figure, a mean with its deviation, a text, or nothing.

    Example:
        >>> cell({'mean': -7.84, 'deviation': 2.91}, '+.1f'), cell(0.978, '.2f', ' s'), cell(None)
        ('-7.8 ± 2.9', '0.98 s', '-')
    """
    if value is None:
        return MISSING
    if isinstance(value, Mapping):
        return f'{format(value["mean"], spec)} ± {format(value["deviation"], spec.lstrip("+"))}{unit}'
    return value if isinstance(value, str) else f'{format(value, spec)}{unit}'


def plain(table: Mapping[str, Any]) -> str:
    """Lay out a table that is stored as ``columns`` (``name``, ``format``, ``unit``) and ``rows``."""
    columns = table['columns']
    rows = [
        [cell(value, column.get('format', ''), column.get('unit', '')) for value, column in zip(row, columns)]
        for row in table['rows']
    ]
    return grid([column['name'] for column in columns], rows)


def _line(cells: Sequence[str]) -> str:
    return '|' + ''.join(f' {each} |' if each else ' |' for each in cells)
