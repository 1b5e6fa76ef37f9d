"""Parameters, operations and frames a second of a config's network: tools/analysis/complexity.py CONFIG..."""

import argparse
import logging
from pathlib import Path

import torch
from mmengine.config import DictAction
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.complexity import Complexity, measure_complexity
from i2vda_mmseg.apis.launch import load_config


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description='What a frame costs at test time; training: tools/analysis/memory.py')
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--size', type=int, nargs=2, metavar=('H', 'W'), help="of the input; default the config's")
    parser.add_argument('--frames', type=int, default=0, metavar='N', help='also time N frames')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings')
    args = parser.parse_args()
    logging.disable(logging.WARNING)  # operators that are counted as free: norms, activations, resizing
    columns = 'input', 'parameters', 'trained', 'FLOPs', 'frames/s'
    table = Table(
        Column('config', no_wrap=True), *columns, box=SIMPLE_HEAD, padding=0, caption='FLOPs: multiply-adds of a frame'
    )
    for name in args.configs:
        config = load_config(name, args.cfg_options)
        table.add_row(Path(name).stem, *row(measure_complexity(config, args.size, args.frames, args.device)))
    Console().print(table)


def row(found: Complexity) -> list[str]:
    """Lay the figures out."""
    height, width = found.size
    speed = '-' if found.seconds is None else f'{1 / found.seconds:.2f}'
    counts = [f'{count / 1e6:.2f} M' for count in (found.parameters, found.trained)]
    return [f'{height}x{width}', *counts, f'{found.flops / 1e9:.2f} G', speed]


if __name__ == '__main__':
    run_tool(main)
