"""What runs have logged, as a table and as a picture: tools/analysis/logs.py WORK_DIR... [--keys loss_seg mIoU]."""

import argparse

from rich.console import Console
from rich.table import Table

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.reporting.log_summary import draw_logs, read_logs


def main() -> None:
    """Read, print and draw."""
    parser = argparse.ArgumentParser(description='Summarise the logs of runs; restarts are joined')
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR')
    parser.add_argument('--keys', nargs='+', default=[], metavar='NAME', help='which values; default all')
    parser.add_argument('--out', metavar='PNG', help='also draw them, a chart a value')
    args = parser.parse_args()
    lines = read_logs(args.work_dirs, args.keys)
    table = Table('run', 'value', 'entries', 'at', 'last', 'mean of the last tenth', 'least', 'most')
    for line in lines:
        step, last = line.last
        figures = [
            f'{value:.5g}' for value in (last, line.recent, min(line.points.values()), max(line.points.values()))
        ]
        table.add_row(line.run, line.name, str(len(line.points)), str(step), *figures)
    Console().print(table)
    if args.out:
        print(draw_logs(lines, args.out))


if __name__ == '__main__':
    run_tool(main)
