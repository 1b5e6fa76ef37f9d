"""What runs have logged, as a table and as a picture: tools/analysis/logs.py WORK_DIR... [--keys loss_seg mIoU]."""

import argparse
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.reporting.log_summary import LogLine, draw_logs, read_logs


def main() -> None:
    """Read, print and draw."""
    parser = argparse.ArgumentParser(description='Summarise the logs of runs; restarts are joined')
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR')
    parser.add_argument('--keys', nargs='+', default=[], metavar='NAME', help='which values; default all')
    parser.add_argument('--out', metavar='PNG', help='also draw them, a chart a value')
    args = parser.parse_args()
    lines = read_logs(args.work_dirs, args.keys)
    for run in dict.fromkeys(line.run for line in lines):
        Console().print(table_of(run, [line for line in lines if line.run == run]))
    if args.out:
        print(draw_logs(lines, args.out))


def table_of(run: str, lines: Sequence[LogLine]) -> Table:
    """Put what a run has logged into a table, a value a row."""
    table = Table(Column('value', no_wrap=True), title=run, box=SIMPLE_HEAD)
    for name in ('entries', 'at', 'last', 'mean of last tenth', 'least', 'most'):
        table.add_column(name, justify='right')
    for line in lines:
        step, last = line.last
        values = last, line.recent, min(line.points.values()), max(line.points.values())
        table.add_row(line.name, str(len(line.points)), str(step), *(f'{value:.4g}' for value in values))
    return table


if __name__ == '__main__':
    run_tool(main)
