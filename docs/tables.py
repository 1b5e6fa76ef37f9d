"""Write the tables of README, docs and configs from results/*.json and from the configs: python -m docs.tables.

A table stands between ``<!-- begin NAME, ... -->`` and ``<!-- end NAME -->``; what is written there by hand is lost.
"""

import re
import statistics
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.selection import compare
from docs.config_table import config_table
from docs.equations import equation_table
from docs.methods import card, card_folders, method_table
from docs.results import ROOT, cell, grid, plain, read
from i2vda_mmseg.apis.runtime_benchmark import RUNTIMES
from i2vda_mmseg.evaluation.label_free import DEFAULT_CRITERIA
from i2vda_mmseg.fileio.atomic import write_atomically

_BLOCK = re.compile(r'(<!-- begin ([\w-]+), [^\n]* -->\n).*?(<!-- end \2 -->)', re.DOTALL)
FIGURES = ('mIoU', 'TC', 'flicker')
SHOWN_IN_README = ('source_only', 'adaptsegnet', 'davsn', 'i2vda')


def suite_table(name: str) -> str:
    """Lay out a table of the paper on StreetWorld: mean and deviation over seeds, beside the published figures."""
    found, published = read(name), read('published').get(name, {})
    reference = 'I2VDA' if found['reference'] == 'i2vda' else found['reference']
    head = ['', *FIGURES, *(f'{figure} - {reference}' for figure in FIGURES[:2])]
    with_tc = any('TC' in row for row in published.values())
    if published:
        head += ['paper: mIoU', 'paper: TC'] if with_tc else ['paper: mIoU']
    rows = []
    for run, row in found['rows'].items():
        cells = [cell(row[figure], '.1f') for figure in FIGURES]
        differences = [cell(row.get(f'{figure}_difference'), '+.1f') for figure in FIGURES[:2]]
        cells += ['', ''] if run == found['reference'] else differences
        papers = published.get(run, {}) if published else None
        if papers is not None:
            cells += [cell(papers.get(figure), '.1f') for figure in FIGURES[: 2 if with_tc else 1]]
        rows.append([row['name'], *cells])
    return grid(head, rows)


def time_table() -> str:
    """Lay out what the temporal part adds to each method of the suite 'modern', seed by seed."""
    found = read('modern')
    rows = []
    for run in [run for run in found['rows'] if f'{run}_temporal' in found['rows']]:
        plain_row, with_time = found['rows'][run], found['rows'][f'{run}_temporal']
        pairs = [(with_time['by_seed'][seed], plain_row['by_seed'][seed]) for seed in map(str, found['seeds'])]
        rows.append(
            [plain_row['name'], *(f'{a["mIoU"] - b["mIoU"]:+.1f} / {a["TC"] - b["TC"]:+.1f}' for a, b in pairs)]
        )
    return grid(['with time - without: mIoU / TC', *(f'seed {seed}' for seed in found['seeds'])], rows)


def seeds_table() -> str:
    """Lay out Table 1 seed by seed, for the rows whose figures were kept."""
    found = read('table1')
    kept = {run: row for run, row in found['rows'].items() if 'by_seed' in row}
    rows = []
    for seed in map(str, found['seeds']):
        figures = [row['by_seed'][seed] for row in kept.values()]
        rows.append([seed, *(f'{figure["mIoU"]:.1f} / {figure["TC"]:.1f}' for figure in figures)])
    return grid(['seed', *(_short(row) for row in kept.values())], rows)


def readme_table() -> str:
    """Lay out the few rows of Table 1 that README shows, as columns."""
    found = read('table1')
    chosen = [found['rows'][run] for run in SHOWN_IN_README]
    about = {'mIoU': f'(`{found["protocol"]}`)', 'TC': f'(preset `{found["TC_preset"]}`, DIS flow)'}
    rows = [[f'{figure} {text}', *(cell(row[figure], '.1f') for row in chosen)] for figure, text in about.items()]
    return grid(['', *map(_short, chosen)], rows)


def demo_table() -> str:
    """Lay out the demo's figures, a class a row."""
    found = read('demo')
    runs = found['runs'].values()
    rows = [[name, *(cell(run['IoU'][name], '.1f') for run in runs)] for name in next(iter(runs))['IoU']]
    named = {'mIoU': '**mIoU**', 'TC': f'TC (preset `{found["TC_preset"]}`, DIS flow)', 'flicker': 'flicker'}
    rows += [[name, *(cell(run[key], '.1f') for run in runs)] for key, name in named.items()]
    return grid(['', *found['runs']], [*rows, ['seconds of training', *(str(run['seconds']) for run in runs)]])


def memory_table(precision: str) -> str:
    """Lay out the peak memory of a training step."""
    peaks = read('memory')['peaks'][precision]
    rows = []
    for config, peak in sorted(peaks.items()):
        parts = ', '.join(f'{name} {size:.2f}' for name, size in peak['parts'].items())
        rows.append([f'`{config}`', f'{peak["GiB"]:.2f}', parts, peak['fits']])
    return grid([f'config, {precision}', 'GiB', 'of which', 'fits'], rows, numbers=False)


def selection_table() -> str:
    """Lay out how criteria without labels compare with mIoU, the smallest regret first."""
    judged = [row for row in compare(read('selection')['runs']) if row['runs'] > 1]
    rows = []
    for row in sorted(judged, key=lambda row: row['regret']):
        name = row['criterion'] + ('*' if row['criterion'] in DEFAULT_CRITERIA else '')
        shown = f'**{name}**' if name == 'rank average' else name
        tau = '' if row['tau'] is None else f'{row["tau"]:+.2f}'
        rows.append([shown, tau, f'{row["regret"]:.2f}', f'{row["worst_regret"]:.2f}'])
    head = ['criterion (* in the default)', "Kendall's tau with mIoU", 'regret, points of mIoU', 'worst regret']
    return grid(head, rows)


def smoothing_table() -> str:
    """Lay out what --smooth brings: means over the seeds, and the mean difference with its deviation."""
    rows = []
    for method, settings in read('smoothing')['networks'].items():
        for name, figures in settings.items():
            cells = []
            for figure, values in figures.items():
                added = [a - b for a, b in zip(values, settings['without'][figure])]
                difference = f' ({statistics.fmean(added):+.1f} ± {statistics.stdev(added):.1f})'
                cells.append(f'{statistics.fmean(values):.1f}{difference if name != "without" else ""}')
            rows.append([f'{method}, {name}', *cells])
    return grid(['', *next(iter(settings.values()))], rows)


def zoo_table() -> str:
    """Lay out which networks of MMSegmentation pass which step."""
    found = read('zoo')
    families: Mapping[str, Mapping[str, Any]] = found['families']
    steps = [key for key in next(iter(families.values())) if key != 'remark']
    marks = {True: 'yes', False: 'no', None: '-'}
    rows = [
        [f'`{name}`', *(marks[family[step]] for step in steps), family['remark']] for name, family in families.items()
    ]
    whole = sum(all(family[step] for step in steps) for family in families.values())
    said = f'{", ".join(found["methods"])}: {whole} of {len(families)} pass every step.'
    return f'{said}\n\n{grid(["family", *steps, ""], rows, numbers=False)}'


def zoo_export_table() -> str:
    """Lay out which networks of MMSegmentation are exported to which runtime, and what stands in the way."""
    families: Mapping[str, Mapping[str, str]] = read('zoo_exports')['families']
    formats = list(next(iter(families.values())))
    untried = len(read('zoo')['families'].keys() - families.keys())
    whole = [name for name, reasons in families.items() if not any(reasons.values())]
    rows = []
    for name, reasons in families.items():
        if any(reasons.values()):
            said = '; '.join(dict.fromkeys(_in_short(reason) for reason in reasons.values() if reason))
            rows.append([f'`{name}`', *('no' if reasons[each] else 'yes' for each in formats), said])
    names = ', '.join(f'`{name}`' for name in whole)
    text = f'{len(whole)} of {len(families)} that were tried are exported to {", ".join(formats)}: {names}.'
    text += f' The other {untried} networks of the zoo were not tried.'
    return f'{text}\n\n{grid(["family", *formats, "why not"], rows, numbers=False)}'


def _in_short(reason: str) -> str:
    """Say why an export was refused, without the runtime's own error, which results/zoo_exports.json has."""
    return reason.partition(' (')[0].rpartition(': ')[2].replace('|', '/')


def runtime_table() -> str:
    """Lay out how fast networks run in PyTorch and in the runtimes."""
    rows = []
    for name, found in read('runtimes')['networks'].items():
        for row in found['rows']:
            times = [f'{1000 * row[key]:.0f} ms' for key in ('median', 'p95', 'cpu')]
            speeds = [f'{row[key]:.2f}' for key in ('ratio', 'cpu_ratio')]
            memory = f'{row["memory"] / 1e6:.0f} MB'
            rows.append([f'{name}, {row["height"]}x{row["width"]}', RUNTIMES[row['runtime']], *times, memory, *speeds])
    head = ['network', 'runtime', 'median', '95 %', 'processor time', 'memory', 'speed', 'speed by processor time']
    return grid(head, rows)


GENERATORS: dict[str, Callable[[], str]] = {
    'table1': partial(suite_table, 'table1'),
    'table1-seeds': seeds_table,
    'table1-readme': readme_table,
    'table3': partial(suite_table, 'table3'),
    'modern': partial(suite_table, 'modern'),
    'pretrained': partial(suite_table, 'pretrained'),
    'modern-time': time_table,
    'table3-causes': lambda: plain(read('table3_causes')),
    'demo': demo_table,
    'demo-spread': lambda: plain(read('demo_spread')),
    'tuning': lambda: plain(read('tuning')),
    'train-step': lambda: plain(read('speed')['train_step']),
    'test-step': lambda: plain(read('speed')['test_step']),
    'data-step': lambda: plain(read('speed')['data']),
    'flow-step': lambda: plain(read('speed')['flow']),
    'flow-accuracy-small': lambda: plain(read('flow_accuracy')['128x256']),
    'flow-accuracy-large': lambda: plain(read('flow_accuracy')['256x512']),
    'memory-float32': partial(memory_table, 'float32'),
    'memory-bfloat16': partial(memory_table, 'bfloat16'),
    'selection': selection_table,
    'smoothing': smoothing_table,
    'exports': lambda: plain(read('exports')),
    'zoo': zoo_table,
    'zoo-exports': zoo_export_table,
    'runtimes': runtime_table,
    'methods': method_table,
    'configs': config_table,
    'equations': equation_table,
    'complexity': lambda: plain(read('complexity')),
}


def pages() -> list[Path]:
    """Name the files that hold generated tables."""
    files = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')), ROOT / 'configs/README.md']
    return [file for file in files if _BLOCK.search(file.read_text(encoding='utf-8'))]


def renewed(text: str) -> str:
    """Give a page with its tables made anew.

    Raises:
        KeyError: If a page asks for a table that is not in ``GENERATORS``.
    """
    return _BLOCK.sub(lambda match: f'{match[1]}\n{GENERATORS[match[2]]()}\n\n{match[3]}', text)


def generated() -> dict[Path, str]:
    """Give everything that is generated, by its file: pages with tables, and the card of each method."""
    found = {path: renewed(path.read_text(encoding='utf-8')) for path in pages()}
    return found | {folder / 'README.md': card(folder.name) for folder in card_folders()}


def _short(row: Mapping[str, Any]) -> str:
    return str(row['name']).split(',')[0]


if __name__ == '__main__':
    for path, text in generated().items():
        if not path.is_file() or path.read_text(encoding='utf-8') != text:
            write_atomically(text, path)
            print(path.relative_to(ROOT))
