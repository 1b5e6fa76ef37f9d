"""The first minute on a GPU: what it computes, how fast and in how much memory: tools/gpu_check.py.

Compares operators, and the steps of every method in every precision, with the CPU; two ranks with each alone; peak
memory with what the rehearsal predicts. Without a GPU it checks the CPU, shorter.
"""

import argparse
import json
import logging
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.gpu_check import as_markdown, check_gpu
from i2vda_mmseg.apis.gpu_check.methods import METHODS
from i2vda_mmseg.fileio.atomic import write_atomically


def main() -> int:
    """Check, write gpu_check.json and gpu_check.md, print the latter; 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/gpu_check'), metavar='FOLDER')
    parser.add_argument('--methods', nargs='+', default=METHODS, choices=METHODS, metavar='METHOD')
    parser.add_argument('--steps', type=int, default=10, help='timed steps')
    parser.add_argument('--no-prediction', action='store_true', help='leave out what memory the rehearsal predicts')
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    console = Console(stderr=True)
    found = check_gpu(args.methods, args.steps, not args.no_prediction, console.print)
    text = as_markdown(found)
    args.out.mkdir(parents=True, exist_ok=True)
    write_atomically(json.dumps(found._asdict() | dict(ok=found.ok), indent=1) + '\n', args.out / 'gpu_check.json')
    write_atomically(text, args.out / 'gpu_check.md')
    Console().print(Markdown(text))
    console.print(f'written: {args.out}/gpu_check.json and gpu_check.md')
    return 0 if found.ok else 1


if __name__ == '__main__':
    run_tool(main)
