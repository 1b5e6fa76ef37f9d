"""Make a street, train three methods on it, test each, show all on one page: tools/demo.py [--smoke]."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]  # of the checkout, or what an installed package carries
METHODS = {
    'Source only': 'configs/source_only/deeplabv2_r18_streetworld.py',
    'AdaptSegNet': 'configs/adaptsegnet/deeplabv2_r18_streetworld.py',
    'I2VDA': 'configs/i2vda/deeplabv2_r18_streetworld.py',
}
INIT = 'configs/source_only/deeplabv2_r18_streetworld-init.py'
WORLD = dict(images=500, clips=200, val_clips=60, synthia_images=0, frames=3)
SMOKE_WORLD = dict(images=24, clips=4, val_clips=4, synthia_images=0, frames=3)
PLAYED_WORLD = dict(images=0, clips=0, val_clips=1, synthia_images=0, frames=30)  # a clip that is worth playing
SMOKE_ITERS = 12


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--smoke', action='store_true', help='a few iterations on a tiny street: does everything run?')
    parser.add_argument('--data-root', type=Path, help='where the street is made; default data/demo[_smoke]')
    parser.add_argument('--work-dir', type=Path, help='where runs are written; default work_dirs/demo[_smoke]')
    parser.add_argument('--seed', type=int, default=0, help='seed of the street and of the runs')
    args = parser.parse_args()
    suffix = '_smoke' if args.smoke else ''
    data_root = (args.data_root or Path(f'data/demo{suffix}')).resolve()
    work_dir = (args.work_dir or Path(f'work_dirs/demo{suffix}')).resolve()
    start = time.monotonic()

    make_world(data_root, SMOKE_WORLD if args.smoke else WORLD, args.seed)
    options = [
        f'train_dataloader.dataset.source.data_root={data_root}/viper',
        f'train_dataloader.dataset.target.data_root={data_root}/cityscapes',
        f'val_dataloader.dataset.data_root={data_root}/cityscapes',
        f'test_dataloader.dataset.data_root={data_root}/cityscapes',
    ]
    init = train(INIT, work_dir / 'init', args, options)
    rows = {}
    for name, config in METHODS.items():
        folder = work_dir / Path(config).parent.name
        began = time.monotonic()
        checkpoint = train(config, folder, args, [*options, f'load_from={init}'])
        seconds = time.monotonic() - began
        run('test.py', ROOT / config, checkpoint, '--tc', '--work-dir', folder, '--cfg-options', *options)
        rows[name] = json.loads((folder / 'metrics.json').read_text(encoding='utf-8')) | {'seconds': seconds}
    panel = work_dir / 'panel.png'
    run('draw_panel.py', ROOT / METHODS['I2VDA'], checkpoint, '--out', panel, '--cfg-options', *options)
    page = make_page([work_dir / Path(config).parent.name for config in METHODS.values()], data_root, args.seed)
    print_table(rows)
    print(f'{time.monotonic() - start:.0f} s in all; metrics: {work_dir}/<method>/metrics.json; picture: {panel}')
    print(f'open this page in a browser: {page}')


def make_world(data_root: Path, world: dict[str, int], seed: int) -> None:
    """Make the street, or find it there."""
    counts = [str(part) for name, value in world.items() for part in (f'--{name.replace("_", "-")}', value)]
    run('make_streetworld.py', '--out', data_root, *counts, '--seed', seed, '--workers', 2)


def train(config: str, folder: Path, args: argparse.Namespace, options: list[str]) -> Path:
    """Train one config and give its last checkpoint."""
    if args.smoke:
        methods = 'default_hooks.proxy_copy.launch=4' if '/i2vda/' in config else ''
        shorter = [f'train_cfg.max_iters={SMOKE_ITERS}', 'default_hooks.logger.interval=4', methods]
        options = [*options, *filter(None, shorter)]
    print(f'\n=== {config}', flush=True)
    run('train.py', ROOT / config, '--work-dir', folder, '--seed', args.seed, '--cfg-options', *options)
    return Path((folder / 'last_checkpoint').read_text(encoding='utf-8').strip())


def run(tool: str, *arguments: object) -> None:
    """Run a tool of this project, its output passing through; stop here if it fails."""
    command = [sys.executable, str(ROOT / 'tools' / tool), *map(str, arguments)]
    finished = subprocess.run(command, check=False)
    if finished.returncode:
        sys.exit(f'{tool} failed with exit code {finished.returncode}; the command was: {" ".join(command)}')


def make_page(folders: list[Path], data_root: Path, seed: int) -> Path:
    """Show the runs side by side, with a clip of a second or two."""
    make_world(data_root / 'played', PLAYED_WORLD, seed)
    clip = data_root / 'played/cityscapes/leftImg8bit_sequence/val/roadburg'
    page = folders[0].parent / 'report.html'
    run('report.py', *folders, '--out', page, '--clip', clip, '--title', 'StreetWorld: three methods')
    return page


def print_table(rows: dict[str, dict]) -> None:
    """Print the classes' IoU and mIoU, temporal consistency and flicker in percent, and the seconds of training."""
    table = Table(title=f'StreetWorld, protocol {next(iter(rows.values()))["protocol"]}, IoU in percent')
    table.add_column('')
    for name in rows:
        table.add_column(name, justify='right')
    for name in next(iter(rows.values()))['IoU']:
        table.add_row(name, *(number(row['IoU'][name]) for row in rows.values()))
    table.add_section()
    table.add_row('mIoU', *(number(row['mIoU']) for row in rows.values()), style='bold')
    for name, key in (('TC (clean)', 'TC'), ('flicker', 'flicker')):
        table.add_row(name, *(number(100 * row[key]) for row in rows.values()))
    table.add_row('seconds', *(f'{row["seconds"]:.0f}' for row in rows.values()))
    Console().print(table)


def number(value: float | None) -> str:
    """Format a figure; a class that occurs nowhere has none."""
    return '-' if value is None else f'{value:.1f}'


if __name__ == '__main__':
    main()
