"""Estimate the flow of every target training pair, both directions, once: tools/precompute_flow.py CONFIG.

With --clips, of the pairs that temporal consistency is measured on: tools/test.py --tc --tc-flow FOLDER reads those.
"""

import argparse
import time

import torch
from mmengine.config import DictAction
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.precompute_flow import filled, plan_flow, summary_of


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file of I2VDA, configs/i2vda/<name>.py')
    parser.add_argument('--out', help='folder of the cache; default <target data_root>/flow/<estimator>_<size>_<hash>')
    parser.add_argument('--clips', action='store_true', help='pairs of the clips of tools/test.py --tc instead')
    parser.add_argument('--clip-list', metavar='LIST', help='with --clips: text file of the clips to take')
    parser.add_argument('--workers', type=int, default=1, help='processes to share the work among')
    has_gpu = torch.cuda.is_available()
    parser.add_argument('--device', default='cuda' if has_gpu else 'cpu', help='where the estimator runs: cpu, cuda:1')
    parser.add_argument('--resume', action='store_true', help='complete a cache: keep what is whole, make the rest')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings of the config'
    )
    return parser.parse_args()


def main() -> None:
    """Fill the cache and say how to use it."""
    args = parse_args()
    if args.workers < 1:
        raise ValueError(f'--workers must be at least 1, but is {args.workers}')
    start = time.perf_counter()
    config = load_config(args.config, args.cfg_options)
    plan, pairs = plan_flow(config, args.out, args.clips, args.clip_list, args.device, args.resume)
    columns = TextColumn('flow'), BarColumn(), MofNCompleteColumn(), TextColumn('pairs'), TimeRemainingColumn()
    with Progress(*columns) as bar, filled(plan, pairs, args.workers) as pairs_done:
        done = list(bar.track(pairs_done, total=pairs))
    print(summary_of(plan, done, time.perf_counter() - start))


if __name__ == '__main__':
    run_tool(main)
