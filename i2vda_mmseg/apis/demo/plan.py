"""What the demo does, step by step."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from i2vda_mmseg.entry import project_root

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


def core_count() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


class DemoOptions(NamedTuple):
    """How to run the demo.

    Attributes:
        data_root: Where the streets are made.
        work_dir: Where runs, page and log are written.
        smoke: A few iterations on a tiny street, whose figures mean nothing.
        seed: Of the street and of the runs.
        threads: That every run computes with: another number rounds sums in another order, and gives other figures.
        fresh: Whether to remove what an earlier demo has left, and begin at the first step.
        root: Where ``tools`` and ``configs`` are.
    """

    data_root: Path
    work_dir: Path
    smoke: bool = False
    seed: int = 0
    threads: int = core_count()
    fresh: bool = False
    root: Path = project_root()


class Step(NamedTuple):
    """A tool that runs to its end before the next step begins.

    Attributes:
        name: Key in ``demo.json``.
        title: What a person reads.
        words: Gives the tool and its arguments, when it starts; whether to go on with what it did before is given.
        folder: What it fills, None where it does not matter whether something is there.
    """

    name: str
    title: str
    words: Callable[[bool], list[str]]
    folder: Path | None = None


def demo_steps(options: DemoOptions) -> list[Step]:
    """Give the steps in their order: streets, the shared start, training and test of each method, the page."""
    tool, folders = _Tools(options), method_folders(options)
    init = options.work_dir / 'init'
    steps = [
        Step('street', 'Make a street', lambda _: tool.world(options.data_root, _world(options))),
        Step('init', 'Train the shared start', lambda resume: tool.train(INIT, init, resume), init),
    ]
    for name, config in METHODS.items():
        steps += _method(tool, name, config, folders[name], init)
    steps.append(Step('clip', 'Make a clip to play', lambda _: tool.world(options.data_root / 'played', PLAYED_WORLD)))
    return [*steps, Step('page', 'Make the page', lambda _: tool.report(folders))]


def method_folders(options: DemoOptions) -> dict[str, Path]:
    """Work dir of each method by its name."""
    return {name: options.work_dir / Path(config).parent.name for name, config in METHODS.items()}


def page_of(options: DemoOptions) -> Path:
    """Where the page is written."""
    return options.work_dir / 'report.html'


def _method(tool: '_Tools', name: str, config: str, folder: Path, init: Path) -> list[Step]:
    key = folder.name
    train = lambda resume: tool.train(config, folder, resume, f'load_from={last_checkpoint(init)}')  # noqa: E731
    test = lambda _: tool.test(config, folder, last_checkpoint(folder))  # noqa: E731
    return [Step(f'train {key}', f'Train {name}', train, folder), Step(f'test {key}', f'Test {name}', test)]


def last_checkpoint(folder: Path) -> str:
    """Path of the last checkpoint that a run has left."""
    return (folder / 'last_checkpoint').read_text(encoding='utf-8').strip()


def _world(options: DemoOptions) -> dict[str, int]:
    return SMOKE_WORLD if options.smoke else WORLD


class _Tools:
    """Command lines of this project's tools."""

    def __init__(self, options: DemoOptions) -> None:
        self.options = options
        root = options.data_root
        self.data = [
            f'train_dataloader.dataset.source.data_root={root}/viper',
            f'train_dataloader.dataset.target.data_root={root}/cityscapes',
            f'val_dataloader.dataset.data_root={root}/cityscapes',
            f'test_dataloader.dataset.data_root={root}/cityscapes',
        ]

    def world(self, folder: Path, counts: dict[str, int]) -> list[str]:
        """Make a street, or find it there; one that was interrupted is made again."""
        words = [word for key, value in counts.items() for word in (f'--{key.replace("_", "-")}', str(value))]
        seed, workers = str(self.options.seed), str(core_count())
        words += ['--seed', seed, '--workers', workers, *(['--force'] if self.options.fresh else [])]
        return [self._tool('make_streetworld'), '--out', str(folder), *words]

    def train(self, config: str, folder: Path, resume: bool, *settings: str) -> list[str]:
        """Train a config, or go on with it."""
        shorter = []
        if self.options.smoke:
            shorter = [f'train_cfg.max_iters={SMOKE_ITERS}', 'default_hooks.logger.interval=4']
            shorter += ['default_hooks.proxy_copy.launch=4'] if '/i2vda/' in config else []
        words = [self._tool('train'), self._path(config), '--work-dir', str(folder), '--seed', str(self.options.seed)]
        return [*words, *(['--resume'] if resume else []), '--cfg-options', *self.data, *settings, *shorter]

    def test(self, config: str, folder: Path, checkpoint: str) -> list[str]:
        """Test a checkpoint with everything that the page shows."""
        words = [self._tool('test'), self._path(config), checkpoint, '--tc', '--confusion', '--work-dir', str(folder)]
        return [*words, '--cfg-options', *self.data]

    def report(self, folders: dict[str, Path]) -> list[str]:
        """Show all runs on one page, with a clip of a second or two."""
        clip = self.options.data_root / 'played/cityscapes/leftImg8bit_sequence/val/roadburg'
        words = [self._tool('report'), *map(str, folders.values()), '--names', *folders, '--clip', str(clip)]
        return [*words, '--title', 'StreetWorld: three methods', '--out', str(page_of(self.options))]

    def _tool(self, name: str) -> str:
        return str(self.options.root / 'tools' / f'{name}.py')

    def _path(self, config: str) -> str:
        return str(self.options.root / config)
