"""Bring the figures of a suite into results/: python -m docs.take OUT/results.json [SEED...], then -m docs.tables.

With seeds, only those are taken: of a suite that is not through with the others.
"""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.suites.suites import SUITES
from docs.results import ROOT
from i2vda_mmseg.fileio.atomic import write_atomically

FIGURES = {'mIoU': 1.0, 'TC': 100.0, 'flicker': 100.0}  # to percent
_DIGITS = 4


def summary(content: Mapping[str, Any], day: str) -> dict[str, Any]:
    """Condense ``results.json`` of a suite.

    Args:
        content: As ``benchmark`` writes it; every run must have all seeds.
        day: Date of the figures.

    Returns:
        Facts about the runs, and ``rows``: mean and deviation (n - 1) of each figure in percent and of the differences
        from the reference with the same seed, and the figures by seed.

    Raises:
        ValueError: If a run lacks a seed, or was made with other code than the others.
    """
    suite, seeds, entries = SUITES[content['suite']], content['seeds'], content['results']
    found = {(entry['run'], entry['seed']): entry for entry in entries}
    names = {row.run: row.name for row in suite.rows}
    if missing := [f'{run}, seed {seed}' for run in names for seed in seeds if (run, seed) not in found]:
        raise ValueError(f'suite {suite.name} is not complete: {"; ".join(missing)}')
    revisions = {str(entry.get('git_revision')) for entry in entries}
    if len(revisions) > 1:
        raise ValueError(f'made with more than one revision: {", ".join(sorted(revisions))}')
    figures = {
        run: {seed: {key: scale * found[run, seed]['metrics'][key] for key, scale in FIGURES.items()} for seed in seeds}
        for run in names
    }
    first = entries[0]
    return dict(
        suite=suite.name,
        data_set=content['data_set'],
        date=day,
        revision=revisions.pop()[:10],
        machine=(first.get('machine') or {}).get('processor'),
        command=f'python tools/benchmark.py {suite.name} --resume',
        seeds=seeds,
        protocol=first['metrics']['protocol'],
        TC_preset=first['metrics']['TC_preset'],
        reference=suite.reference,
        rows={run: _row(names[run], figures[run], figures[suite.reference]) for run in names},
    )


def _row(name: str, ours: Mapping[int, Mapping[str, float]], reference: Mapping[int, Mapping[str, float]]) -> dict:
    row: dict[str, Any] = {'name': name}
    row |= {key: _spread([figures[key] for figures in ours.values()]) for key in FIGURES}
    for key in ('mIoU', 'TC'):
        row[f'{key}_difference'] = _spread([ours[seed][key] - reference[seed][key] for seed in ours])
    row['by_seed'] = {str(s): {key: round(x, _DIGITS) for key, x in figures.items()} for s, figures in ours.items()}
    return row


def _spread(values: Sequence[float]) -> dict[str, float] | float:
    mean = round(statistics.fmean(values), _DIGITS)
    return dict(mean=mean, deviation=round(statistics.stdev(values), _DIGITS)) if len(values) > 1 else mean


if __name__ == '__main__':
    taken = json.loads(Path(sys.argv[1]).read_text(encoding='utf-8'))
    taken['seeds'] = [int(seed) for seed in sys.argv[2:]] or taken['seeds']
    try:
        content = summary(taken, date.today().isoformat())
    except ValueError as error:
        sys.exit(f'docs.take: {sys.argv[1]}: {error}')
    target = ROOT / 'results' / f'{content["suite"]}.json'
    write_atomically(json.dumps(content, indent=1, ensure_ascii=False) + '\n', target)
    print(target)
