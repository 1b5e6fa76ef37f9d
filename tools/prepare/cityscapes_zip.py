"""Take what is needed out of Cityscapes' archives: tools/prepare/cityscapes_zip.py ZIP [ZIP ...] --out DIR."""

import argparse
from collections.abc import Collection, Iterable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.datasets.preparing import extract_neighbours


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Take what is needed out of Cityscapes' archives")
    parser.add_argument(
        'archives', nargs='+', metavar='ZIP', help='leftImg8bit_sequence_trainvaltest.zip, gtFine_trainvaltest.zip'
    )
    parser.add_argument('--out', default='data/cityscapes', metavar='DIR', help='default data/cityscapes')
    parser.add_argument('--before', type=int, default=1, metavar='N', help='frames before each labelled one; default 1')
    parser.add_argument('--after', type=int, default=0, metavar='N', help='frames after it; default 0')
    parser.add_argument('--splits', nargs='+', default=['train', 'val'], help='default train val')
    return parser.parse_args()


def main() -> int:
    """Extract, and give 1 if something lacks."""
    args = parse_args()
    columns = TextColumn('files'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def track(files: Collection[Any]) -> Iterable[Any]:
            """Show how many files are written."""
            return bar.track(files, total=len(files))

        done = extract_neighbours(args.archives, args.out, args.before, args.after, args.splits, track)
    for finding in done.findings:
        print(f'wrong: {finding}')
    labelled = ', '.join(f'{count:,} in {split}' for split, count in done.labelled.items())
    print(f'{args.out}: {done.frames:,} frames, of which are labelled: {labelled}')
    print(f'{done.written:,} files of {done.gigabytes:.1f} GB were written now')
    return 1 if done.findings else 0


if __name__ == '__main__':
    run_tool(main)
