"""Check all data of a config before days are spent on them: tools/check_data.py CONFIG."""

import argparse
from collections.abc import Iterable

from mmengine.config import DictAction
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

import i2vda_mmseg  # noqa: F401 - registers everything
from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.datasets.checking import DataReport, check_data

SHOWN = 20  # faults on the screen; --out writes all


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file, configs/<method>/<name>.py')
    parser.add_argument('--workers', type=int, default=4, help='threads that read files')
    parser.add_argument('--deep', action='store_true', help='decode every file and compare every raw id')
    parser.add_argument('--out', help='write figures, warnings and all faults to this file, as JSON')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings of the config'
    )
    return parser.parse_args()


def main() -> int:
    """Check, print a table, and give 1 on any fault."""
    args = parse_args()
    columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TextColumn('files')
    config = load_config(args.config, args.cfg_options)
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:

        def track(results: Iterable, total: int, role: str) -> Iterable:
            """Show how far the files of a role are."""
            return bar.track(results, total=total, description=role)

        report = check_data(config, args.deep, args.workers, track)
    if args.out:
        report.write(args.out)
    show(report, Console(soft_wrap=True), args.out)
    return 1 if report.faults else 0


def show(report: DataReport, console: Console, out: str | None) -> None:
    """Print a line a data set, what is unlike the published data, and the first faults."""
    table = Table(Column('data set', overflow='fold'), box=SIMPLE)
    for name in ('samples', 'files', 'published', 'warnings', 'faults'):
        table.add_column(name, justify='right', no_wrap=True)
    for item in report.summaries:
        figures = f'{item.samples:,}', f'{item.files:,}', item.published, str(len(item.warnings))
        what = f'{item.role}: {item.type}\n{escape(item.root)}'
        table.add_row(what, *figures, str(report.count(item.role)))
    console.print(table)
    for item in report.summaries:
        for warning in item.warnings:
            console.print(f'warning: {item.role}: {warning}', markup=False)
    for fault in report.faults[:SHOWN]:
        console.print(f'fault: {fault.role}: {fault.message}', markup=False)
    if len(report.faults) > SHOWN:
        more = f'all are in {out}' if out else '--out FILE writes all'
        console.print(f'... and {len(report.faults) - SHOWN} more faults; {more}', markup=False)
    how = 'every file decoded' if report.deep else 'headers and ends of files; --deep decodes them'
    console.print(f'{len(report.faults)} faults ({how})', markup=False)


if __name__ == '__main__':
    run_tool(main)
