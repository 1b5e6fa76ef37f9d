"""How much GPU memory a training step takes, without a GPU: tools/analysis/memory.py CONFIG...

The step runs on a device that is not there: shapes without data, in seconds. What a real GPU adds is not counted:
CUDA's context (0.3 to 0.6 GB), workspaces of cuDNN, and fragmentation.
"""

import argparse
import json
import logging
import warnings
from datetime import date
from pathlib import Path
from typing import Any

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
    """Measure and print; with --out, write them as results/memory.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--precision', choices=PRECISIONS, default='float32')
    parser.add_argument(
        '--out', type=Path, metavar='FILE', help='also write JSON; what is there of other configs and precisions stays'
    )
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings')
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.WARNING)
    peaks = {name: peak_memory(load_config(name, args.cfg_options), args.precision) for name in args.configs}
    Console().print(shown(peaks, args.precision))
    if args.out:
        earlier = json.loads(args.out.read_text(encoding='utf-8')) if args.out.is_file() else {}
        write_atomically(json.dumps(record(peaks, args.precision, earlier), indent=1) + '\n', args.out)


def shown(peaks: dict[str, Peak], precision: str) -> Table:
    """Lay the peaks out for the screen, the largest part first."""
    table = Table('config', 'GiB', 'of which', 'fits', title=f'peak of a training step, {precision}')
    for name, peak in peaks.items():
        largest = ', '.join(f'{part} {size:.2f}' for part, size in parts(peak).items())
        table.add_row(Path(name).stem, f'{peak.total / GIB:.2f}', largest, card(peak))
    return table


def record(peaks: dict[str, Peak], precision: str, earlier: dict[str, Any]) -> dict[str, Any]:
    """Add the peaks to what an earlier file holds of other configs and precisions."""
    found = {
        '/'.join(Path(name).with_suffix('').parts[-2:]): dict(
            GiB=round(peak.total / GIB, 2), parts=parts(peak), fits=card(peak)
        )
        for name, peak in peaks.items()
    }
    about = dict(
        date=date.today().isoformat(),
        machine='no GPU: shapes without data',
        command='python tools/analysis/memory.py CONFIG...',
    )
    before = earlier.get('peaks', {})
    return about | dict(peaks=before | {precision: before.get(precision, {}) | found})


def parts(peak: Peak) -> dict[str, float]:
    """What the peak is made of, in GiB, from 0.05 GiB on."""
    return {name: round(size / GIB, 2) for name, size in peak.parts.items() if size > 0.05 * GIB}


def card(peak: Peak) -> str:
    """The smallest usual card that it fits on, with room for CUDA and cuDNN."""
    needed = peak.total / GIB + SPARE
    return next((f'{size} GB' for size in CARDS if needed <= size), 'none')


if __name__ == '__main__':
    run_tool(main)
