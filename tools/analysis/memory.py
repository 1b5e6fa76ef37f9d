"""How much GPU memory a training step takes, without a GPU: tools/analysis/memory.py CONFIG...

The step runs on a device that is not there: shapes without data, in seconds. What a real GPU adds is not counted:
CUDA's context (0.3 to 0.6 GB), workspaces of cuDNN, and fragmentation.
"""

import argparse
import logging
import warnings
from pathlib import Path

from mmengine.config import DictAction
from rich.console import Console
from rich.table import Table

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.rehearsal.memory import Peak, peak_memory
from i2vda_mmseg.apis.rehearsal.rehearse import PRECISIONS
from i2vda_mmseg.fileio.atomic import write_atomically

GIB = 2**30
CARDS, SPARE = (8, 12, 24, 40, 80), 1.5  # GiB of memory; what CUDA and cuDNN take of it


def main() -> None:
    """Measure and print; with --markdown, write a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--precision', choices=PRECISIONS, default='float32')
    parser.add_argument('--markdown', type=Path, metavar='FILE', help='also write the table in Markdown')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings')
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.WARNING)
    peaks = {name: peak_memory(load_config(name, args.cfg_options), args.precision) for name in args.configs}
    Console().print(shown(peaks, args.precision))
    if args.markdown:
        write_atomically(markdown(peaks, args.precision), args.markdown)


def shown(peaks: dict[str, Peak], precision: str) -> Table:
    """Lay the peaks out for the screen, the largest part first."""
    table = Table('config', 'GiB', 'of which', 'fits', title=f'peak of a training step, {precision}')
    for name, peak in peaks.items():
        table.add_row(Path(name).stem, f'{peak.total / GIB:.2f}', parts(peak), card(peak))
    return table


def markdown(peaks: dict[str, Peak], precision: str) -> str:
    """The same in Markdown."""
    lines = [f'| config, {precision} | GiB | of which | fits |', '|---|---|---|---|']
    for name, peak in peaks.items():
        below = '/'.join(Path(name).with_suffix('').parts[-2:])
        lines.append(f'| `{below}` | {peak.total / GIB:.2f} | {parts(peak)} | {card(peak)} |')
    return '\n'.join(lines) + '\n'


def parts(peak: Peak) -> str:
    """What the peak is made of, from 0.05 GiB on."""
    return ', '.join(f'{name} {size / GIB:.2f}' for name, size in peak.parts.items() if size > 0.05 * GIB)


def card(peak: Peak) -> str:
    """The smallest usual card that it fits on, with room for CUDA and cuDNN."""
    needed = peak.total / GIB + SPARE
    return next((f'{size} GB' for size in CARDS if needed <= size), 'none')


if __name__ == '__main__':
    run_tool(main)
