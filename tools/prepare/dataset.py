"""Check a known data set and write lists of its files: tools/prepare/dataset.py gta5 /data/gta5."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.datasets.preparing import Preparation, Prepared, known_data, known_names
from i2vda_mmseg.entry import command_of


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    names = ', '.join(known_names())
    parser = argparse.ArgumentParser(description='Check a known data set and write lists of its files')
    parser.add_argument('name', help=f'one of {names}')
    parser.add_argument('root', help='folder that it was unpacked into')
    parser.add_argument('--out', metavar='DIR', help='folder for the lists; default data/prepared/NAME')
    parser.add_argument('--images', metavar='DIR', help='folder of the images below ROOT, where it is an unusual one')
    parser.add_argument('--labels', metavar='DIR', help='folder of the labels below ROOT')
    parser.add_argument('--partial', action='store_true', help='go on with what is there and whole')
    return parser.parse_args()


def main() -> int:
    """Look, say what is wrong, and give 1 if something is."""
    args = parse_args()
    out = Path(args.out or f'data/prepared/{args.name}')
    columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def track(results: Iterable[Any], total: int, what: str) -> Iterable[Any]:
            """Show how far a long loop is."""
            return bar.track(results, total=total, description=what)

        preparation = Preparation(known_data(args.name), args.root, out, args.images, args.labels, track)
        prepared = preparation.run(args.partial)
    for finding in preparation.findings:
        print(f'{"left out" if args.partial else "wrong"}: {finding}')
    if prepared is None:
        print('nothing was written; complete the data, or go on with what is there and whole: --partial')
        return 1
    describe(prepared, out)
    return 0


def describe(prepared: Prepared, out: Path) -> None:
    """Print what was found, and what comes next."""
    print(prepared.title)
    for name, split in prepared.splits.items():
        print(f'  {name}: {split.images:,} labelled images of {split.size[0]}x{split.size[1]}, {split.ann_file}')
    for name, frames in prepared.frames.items():
        print(f'  {name}: videos for {frames["type"]} in {frames["data_root"]}')
    print(f'\nNext: {command_of("prepare/pair")} SOURCE TARGET, folders of two data sets like this one:')
    print(f'  {out}')


if __name__ == '__main__':
    run_tool(main)
