"""Check optical flow on the frames it was made for: tools/flow_doctor.py SOURCE [--flow DIR].

Exit code 0: the flow fits best as it is; 1: it does not; 2: it cannot be told, or something is missing.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.flow_doctor import examine_flow
from i2vda_mmseg.fileio.frame_source import SEQUENCES, Pair
from i2vda_mmseg.fileio.images import is_image_name, write_image
from i2vda_mmseg.flow.diagnosis import EXPLANATIONS, Verdict
from i2vda_mmseg.visualization import draw_contact_sheet


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Tell whether optical flow fits its frames, or would fit better reversed, scaled, flipped, ...',
        epilog='Exit code 0: it fits best as it is; 1: it does not; 2: it cannot be told. Names of files: docs/flow.md',
    )
    parser.add_argument(
        'source', type=Path, help=f'data root with {SEQUENCES}, folder of consecutive frames, or video file'
    )
    parser.add_argument(
        '--flow', type=Path, metavar='DIR', help='flow to check, a cache or .flo/.npy/.png files (default: DISFlow)'
    )
    parser.add_argument(
        '--out', type=Path, metavar='FILE', default=Path('work_dirs/flow_doctor.png'), help='contact sheet to write'
    )
    parser.add_argument('--pairs', type=int, default=8, metavar='N', help='pairs to look at, spread over the source')
    parser.add_argument('--size', metavar='HxW', help='resize the frames first (default: as they are; as the cache)')
    return parser.parse_args()


def main() -> int:
    """Read, judge, print and draw."""
    args = parse_args()
    try:
        size = parse_size(args.size) if args.size else None
        if args.pairs < 1:
            raise ValueError(f'--pairs must be at least 1, got {args.pairs}')
        if not is_image_name(args.out):
            raise ValueError(f'--out {args.out} is no picture; let it end in .png')
        found = examine_flow(args.source, args.flow, args.pairs, size, with_progress)
        sheet = draw_contact_sheet(found.rows, title=f'{found.title} on {args.source.resolve().name}')
        write_image(args.out, sheet)
    except (ValueError, OSError) as error:
        print(f'flow_doctor: {error}', file=sys.stderr)
        return 2
    verdicts = found.diagnosis.verdicts()
    Console().print(table_of(verdicts, f'{found.title}, {found.pairs} pairs'))
    print(found.diagnosis.sentence() + (f' {found.warning}.' if found.warning else ''))
    print(f'contact sheet: {args.out}')
    best = {verdict.best for verdict in verdicts.values()}
    if best - {'as given', None}:
        return 1
    return 2 if None in best else 0


def parse_size(text: str) -> tuple[int, int]:
    """Read HxW."""
    if not re.fullmatch(r'[1-9]\d*x[1-9]\d*', text):
        raise ValueError(f'--size {text} is not a size; write height and width like 512x1024')
    height, width = map(int, text.split('x'))
    return height, width


def with_progress(pairs: Sequence[Pair]) -> Iterable[Pair]:
    """Go through the pairs; a terminal shows how far."""
    console = Console(stderr=True)
    return track(pairs, 'checking', console=console, transient=True, disable=not console.is_terminal)


def table_of(verdicts: dict[str, Verdict], title: str) -> Table:
    """Lay the errors of every explanation side by side."""
    table = Table('explanation', title=title, caption='mean luminance difference after warping, in grey levels')
    for direction in verdicts:
        table.add_column(direction, justify='right')
    for name in EXPLANATIONS:
        cells = [
            f'{"* " if verdict.best == name else ""}{verdict.errors[name]:.2f}' if verdict.errors else '-'
            for verdict in verdicts.values()
        ]
        table.add_row(name, *cells)
    return table


if __name__ == '__main__':
    run_tool(main, mistake=2)
