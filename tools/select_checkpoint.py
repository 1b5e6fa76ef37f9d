"""Choose a checkpoint without labels: tools/select_checkpoint.py WORK_DIR [--video VIDEO_OR_FRAMES]."""

import argparse
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.selection import select_checkpoint, write_selection
from i2vda_mmseg.engine.checkpoints import trust_checkpoints
from i2vda_mmseg.evaluation.label_free import CRITERIA, DEFAULT_CRITERIA
from i2vda_mmseg.reporting.selection_chart import draw_selection


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Rank the checkpoints of a run on frames without labels')
    parser.add_argument('work_dir', help='folder of the run, with iter_*.pth')
    parser.add_argument('--config', help='config of the run; default: the one in the work dir')
    parser.add_argument('--video', metavar='FILE_OR_FOLDER', help="frames; default: those of the config's target")
    parser.add_argument('--data', metavar='FOLDER', help="data root in place of that of the config's target")
    parser.add_argument('--frames', type=int, default=120, help='how many to look at, as pairs of consecutive ones')
    parser.add_argument(
        '--criteria',
        nargs='+',
        metavar='NAME',
        default=list(DEFAULT_CRITERIA),
        help=f'which count, of {", ".join(CRITERIA)}; default: {" ".join(DEFAULT_CRITERIA)}',
    )
    parser.add_argument('--out', metavar='FILE.json', help='default: selection.json in the work dir')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load them even if that runs code in them')
    return parser.parse_args()


def main() -> int:
    """Rank, write and print; 1 where no checkpoint can be chosen."""
    args = parse_args()
    trust_checkpoints(args.trust_checkpoint)
    columns = (TextColumn('checkpoints'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task('checkpoints', total=None)
        selection = select_checkpoint(
            args.work_dir,
            load_config(args.config) if args.config else None,
            args.video,
            args.data,
            args.frames,
            args.criteria,
            args.device,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    path = write_selection(selection, args.out or Path(args.work_dir, 'selection.json'))
    chart = draw_selection(selection, path.with_suffix('.png'))
    Console().print(table_of(selection))
    for row in selection['checkpoints']:
        if row['excluded']:
            print(f'{row["checkpoint"]} is out: {row["excluded"]}')
    print(f'{path}, {chart}')
    if selection['chosen'] is None:
        print('no checkpoint is chosen: all are collapsed or damaged')
        return 1
    print(f'chosen: {Path(args.work_dir, selection["chosen"])}')
    return 0


def table_of(selection: dict[str, Any]) -> Table:
    """Put the checkpoints and the criteria that count into a table, in the order of the iterations."""
    names, frames = selection['ranked_by'], selection['frames']
    pairs = frames.get('pairs')  # of consecutive frames, so that a frame may be in two of them
    title = (
        f'{pairs} pairs of frames of {frames["source"]}'
        if pairs
        else f'{frames["frames"]} frames of {frames["source"]}'
    )
    table = Table('iter', *(CRITERIA[name] for name in names), 'mean rank', 'rank', title=title, box=SIMPLE_HEAD)
    for row in selection['checkpoints']:
        figures = [row['criteria'].get(name) for name in names]
        cells = ['' if value is None else f'{value:.3f}' for value in figures]
        mean = '' if row['mean_rank'] is None else f'{row["mean_rank"]:.2f}'
        rank = 'out' if row['excluded'] else str(row['rank'])  # why is said below the table
        style = 'bold green' if row['checkpoint'] == selection['chosen'] else None
        table.add_row(str(row['iteration']), *cells, mean, rank, style=style)
    return table


if __name__ == '__main__':
    run_tool(main)
