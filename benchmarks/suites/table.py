"""The Markdown table of a suite."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from i2vda_mmseg.reporting.seeds import mean_and_deviation

from .data import REAL
from .provenance import mixture
from .results import Results
from .suite import FIGURES, Row, Suite

MISSING = '-'
COMPARED = FIGURES[:2]
PAPER = ('seeds', 'paper: mIoU', 'paper: TC')
BANDS = ('mIoU - paper', 'TC - paper')
BAND = 1.0  # points: less is a matter of the seed, of which the paper shows one


def markdown(results: Results) -> str:
    """Lay out what is known of a suite: mean and standard deviation over seeds, beside what is published."""
    notes: list[str] = []
    compared = _compared(results.suite)
    real = REAL.get(results.suite.data)
    head = ('', *(name for name, _ in FIGURES), *compared, *PAPER, *(BANDS if real else ()))
    other = (
        f"**Another data set than the paper's**: our figures are of StreetWorld, {_about(results)}. The paper's are of "
        'VIPER -> Cityscapes-Seq, other networks and other schedules; only the order of rows can be compared.'
    )
    same = (
        f"Our figures are of the paper's data, networks and schedules, {_about(results)}. A figure is in the paper's "
        f'band where it differs by no more than {BAND:g}, or our deviation over seeds if that is larger.'
    )
    lines = [
        f'# {results.suite.title} ({real.title if real else "StreetWorld"})',
        '',
        same if real else other,
        '',
        'All in percent, TC and flicker too; mean ± standard deviation (n - 1) over seeds '
        f'{", ".join(map(str, results.seeds))}.'
        + (' Differences are of runs of the same seed, on the same street from the same weights.' if compared else ''),
        '',
        _line(head),
        '|---|' + '---:|' * (len(head) - 1),
    ]
    section = ''
    for row in results.suite.rows:
        if row.section != section:
            section = row.section
            lines.append(_line((f'**{section}**', *[''] * (len(head) - 1))))
        lines.append(_line(_cells(row, results, notes)))
    mixed = mixture(results.entries)
    remarks = ['; '.join(notes), f'**Mind how these figures were made**: {"; ".join(mixed)}.' if mixed else '']
    failed = [f'- failed: {x["run"]}, seed {x["seed"]}: {x["reason"]}' for x in results.failures]
    paragraphs = ['\n'.join(lines), *filter(None, remarks), *(['\n'.join(failed)] if failed else [])]
    return '\n\n'.join(paragraphs) + '\n'


def write_table(results: Results) -> Path:
    """Write results.md beside results.json."""
    return results.write_beside('results.md', markdown(results))


def one_line(metrics: Mapping[str, Any]) -> str:
    """Format the figures of one run, in percent.

    Example:
        >>> one_line({'mIoU': 39.62, 'TC': 0.6471, 'flicker': None})
        'mIoU 39.6 %, TC 64.7 %, flicker -'
    """
    known = [(name, scale, metrics.get(name)) for name, scale in FIGURES]
    return ', '.join(f'{name} {MISSING if x is None else f"{scale * x:.1f} %"}' for name, scale, x in known)


def _cells(row: Row, results: Results, notes: list[str]) -> list[str]:
    entries = results.of(row.run)
    figures = [mean_and_deviation(list(_values(results, row.run, *figure).values())) for figure in FIGURES]
    reference = results.suite.reference
    for figure in COMPARED if reference else ():
        values, others = _values(results, row.run, *figure), _values(results, reference, *figure)
        paired = [values[seed] - others[seed] for seed in values if seed in others] if row.run != reference else []
        figures.append(mean_and_deviation(paired, sign='+'))
    if row.note:
        notes.append(f'({len(notes) + 1}) {row.note}')
    mark = f' ({len(notes)})' if row.note else ''
    published = [MISSING if value is None else str(value) for value in (row.paper_miou, row.paper_tc)]
    bands = _bands(row, results) if results.suite.data in REAL else []
    return [f'{row.name}{mark}', *figures, f'{len(entries)} of {len(results.seeds)}', *published, *bands]


def _bands(row: Row, results: Results) -> list[str]:
    """How far mIoU and TC are from what is published, and whether that is within the band."""
    cells = []
    for figure, published in zip(COMPARED, (row.paper_miou, row.paper_tc)):
        values = list(_values(results, row.run, *figure).values())
        if published is None or not values:
            cells.append(MISSING)
            continue
        off = statistics.fmean(values) - published
        width = max(BAND, statistics.stdev(values) if len(values) > 1 else 0.0)
        cells.append(f'{off:+.1f}, {"in" if abs(off) <= width else "outside"} the band')
    return cells


def _values(results: Results, run: str, name: str, scale: float) -> dict[int, float]:
    """One figure of a run, by seed."""
    entries = results.of(run)
    return {x['seed']: scale * x['metrics'][name] for x in entries if x['metrics'].get(name) is not None}


def _compared(suite: Suite) -> list[str]:
    """Headings of the differences from the run that others are compared with."""
    names = [row.name for row in suite.rows if row.run == suite.reference]
    return [f'{figure} - {names[0]}' for figure, _ in COMPARED] if names else []


def _about(results: Results) -> str:
    """What the figures are about: protocol and temporal consistency, as the tests say themselves."""
    metrics: list[dict[str, Any]] = [entry['metrics'] for entry in results.entries]
    said = [
        f'{name} `{", ".join(sorted(values))}`'
        for key, name in (('protocol', 'protocol'), ('TC_preset', 'TC preset'))
        if (values := {str(metric[key]) for metric in metrics if metric.get(key)})
    ]
    return ', '.join([*said, 'last checkpoint'])


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'
