"""Make a street, train three methods on it, test each, show all on one page: tools/demo.py [--smoke]."""

import argparse
import shlex
import sys
from pathlib import Path

from rich.console import Console

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.demo import DemoOptions, run_demo
from i2vda_mmseg.apis.demo.plan import core_count
from i2vda_mmseg.entry import command_of


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--smoke', action='store_true', help='a few iterations on a tiny street: does everything run?')
    parser.add_argument('--data-root', type=Path, help='where the street is made; default data/demo[_smoke]')
    parser.add_argument('--work-dir', type=Path, help='where runs are written; default work_dirs/demo[_smoke]')
    parser.add_argument('--seed', type=int, default=0, help='seed of the street and of the runs')
    parser.add_argument(
        '--threads',
        type=int,
        default=core_count(),
        metavar='N',
        help='that each run computes with; default the cores. Another number gives other figures',
    )
    parser.add_argument('--fresh', action='store_true', help='start over, whatever an earlier demo has done')
    parser.add_argument('--no-open', action='store_true', help='do not open the page in a browser')
    return parser.parse_args()


def main() -> int:
    """Run the demo."""
    args = parse_args()
    if args.threads < 1:
        raise ValueError(f'--threads must be at least 1, got {args.threads}')
    suffix = '_smoke' if args.smoke else ''
    options = DemoOptions(
        data_root=(args.data_root or Path(f'data/demo{suffix}')).resolve(),
        work_dir=(args.work_dir or Path(f'work_dirs/demo{suffix}')).resolve(),
        smoke=args.smoke,
        seed=args.seed,
        threads=args.threads,
        fresh=args.fresh,
    )
    typed = [word for word in sys.argv[1:] if word != '--fresh']
    again = shlex.join([*command_of('demo').split(), *typed])
    return run_demo(options, Console(), again, not args.no_open)


if __name__ == '__main__':
    run_tool(main)
