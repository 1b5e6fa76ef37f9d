"""Time a network in PyTorch and in the runtimes: tools/benchmark_runtime.py CONFIG [CHECKPOINT].

Each runtime has a process of its own, and they take turns, batch by batch. Without a checkpoint the weights are random.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from rich.console import Console
from rich.table import Table

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.runtime_benchmark import RUNTIMES, BenchmarkPlan, Timing, benchmark_runtimes
from i2vda_mmseg.apis.sample_frames import sample_frames
from i2vda_mmseg.engine.checkpoints import trust_checkpoints
from i2vda_mmseg.evaluation.metrics_file import versions
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically

MEGABYTE = 1 << 20


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Time a network in PyTorch and in the runtimes')
    parser.add_argument('config', help='config of a method of single frames')
    parser.add_argument('checkpoint', nargs='?', help='its weights; default: random ones')
    parser.add_argument('--sizes', nargs='+', default=['512x1024'], metavar='HxW', help='of the frames')
    parser.add_argument('--runtimes', nargs='+', choices=RUNTIMES, default=list(RUNTIMES))
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--batch', type=int, default=1, help='frames at once')
    parser.add_argument('--rounds', type=int, default=20, help='timed batches of each runtime')
    parser.add_argument('--json', metavar='FILE', help='also write the figures there')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load it even if that runs code in it')
    return parser.parse_args()


def main() -> None:
    """Time, and print a table."""
    args = parse_args()
    trust_checkpoints(args.trust_checkpoint)
    config = load_config(args.config, args.cfg_options)
    sizes = tuple(size_of(text) for text in args.sizes)
    plan = BenchmarkPlan(sizes, tuple(args.runtimes), args.threads, args.batch, args.rounds)
    images, _ = sample_frames(config, 2)
    with tempfile.TemporaryDirectory() as folder, Console(stderr=True).status('exporting') as status:
        checkpoint = args.checkpoint or random_weights(config, Path(folder))
        rows, faults = benchmark_runtimes(config, checkpoint, Path(folder), images, plan, status.update)
    Console(width=110).print(table(rows, plan))
    for name, fault in faults.items():
        print(f'{RUNTIMES[name]}: {fault}')
    if args.json:
        facts = dict(config=args.config, plan=plan._asdict(), rows=[row._asdict() for row in rows], versions=versions())
        write_atomically(json.dumps(facts, indent=2) + '\n', args.json)


def random_weights(config: Config, folder: Path) -> Path:
    """Write a checkpoint of random weights: how fast a network is hardly depends on them."""
    init_default_scope(config.get('default_scope', 'mmseg'))
    torch.manual_seed(0)
    save_atomically(dict(state_dict=MODELS.build(config.model).state_dict(), meta={}), folder / 'random.pth')
    return folder / 'random.pth'


def table(rows: list[Timing], plan: BenchmarkPlan) -> Table:
    """Lay the figures out, a row a runtime and size."""
    made = Table(title=f'{plan.threads} threads, batches of {plan.batch}, {plan.rounds} rounds')
    for name in ('frames', 'runtime', 'median', '95 %', 'CPU time', 'frames/s', 'memory', 'speed', 'speed by CPU time'):
        made.add_column(name, justify='left' if name in ('frames', 'runtime') else 'right')
    for row in rows:
        speeds = (f'{row.ratio:.2f}', f'{row.cpu_ratio:.2f}')
        made.add_row(
            f'{row.height}x{row.width}', RUNTIMES[row.runtime], *(f'{1000 * x:.0f} ms' for x in row[3:6]),
            f'{row.frames_per_second:.1f}', f'{row.memory / MEGABYTE:.0f} MB', *speeds,
        )  # fmt: skip
    return made


def size_of(text: str) -> tuple[int, int]:
    """Read HxW."""
    height, _, width = text.partition('x')
    if not (height.isdecimal() and width.isdecimal()):
        raise ValueError(f'--sizes: expected HEIGHTxWIDTH, as 512x1024, got {text!r}')
    return int(height), int(width)


if __name__ == '__main__':
    run_tool(main)
