"""What a check of a device found, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from .agreement import SMALLEST, STEPS, TOLERANCES
from .check import Check

_COLUMNS = dict(
    operators=('operator', 'difference', 'ms'),
    agreement=('method', 'precision', 'term', 'difference', 'update'),
    speed=('method', 'precision', 'steps_a_second', 'peak_GiB', 'predicted_GiB', 'kernels_share', 'longest_gap_ms',
           'kernels'),
    ranks=('method', 'ranks', 'backend', 'same_weights', 'difference', 'averaged'),
)  # fmt: skip


def as_markdown(found: Check) -> str:
    """Lay all figures out in Markdown tables under what the machine is."""
    about = ', '.join(f'{key} {value}' for key, value in found.about.items() if key not in ('device', 'date'))
    bounds = '; '.join(f'{name}: {terms:g} and {update:g}' for name, (terms, update) in TOLERANCES.items())
    compared = (
        f'{STEPS} steps of the configs of StreetWorld, against float32 on the CPU. `difference`: of the loss term that '
        f'differs most, relative to it or to {SMALLEST}; `update`: of the change of the weights. Allowed: {bounds}.'
    )
    return '\n\n'.join([
        f'# {found.about["device"]}, {found.about["date"]}: {"all well" if found.ok else "NOT well"}',
        about,
        '## Operators', _table(found.operators, _COLUMNS['operators']),
        '## Against the CPU', compared, _table(found.agreement, _COLUMNS['agreement']),
        '## Speed and memory',
        'Kernels under the profiler, which lengthens gaps. On a CPU, kernels are operators.',
        _table(found.speed, _COLUMNS['speed']),
        '## Two ranks', '`averaged`: how often each gradient was averaged in a step.',
        _table([found.ranks], _COLUMNS['ranks']),
    ]) + '\n'  # fmt: skip


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    lines = [f'| {" | ".join(columns)} | |', f'|{"---|" * (len(columns) + 1)}']
    for row in rows:
        verdict = row.get('error') or row.get('note') or ('ok' if row['ok'] else 'too far')
        lines.append(f'| {" | ".join(_cell(row.get(column)) for column in columns)} | {verdict} |')
    return '\n'.join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ''
    if isinstance(value, Mapping):
        return ', '.join(f'{key} {part:g}' for key, part in value.items())
    return f'{value:.3g}' if isinstance(value, float) else str(value)
