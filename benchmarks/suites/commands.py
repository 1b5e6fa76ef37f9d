"""What a benchmark runs: the project's own command lines."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from i2vda_mmseg.engine.checkpoints import POINTER

from .row import Row
from .step import Step
from .suite import Suite, hash_of


class Commands:
    """Steps of a suite: make the street and the initialisation of a seed, train and test a row.

    The street's folder is named after its parameters, so that suites share it where they are the same. The folders of
    the initialisation and of the runs are named after the street that is there, with its version, and all configs which
    decide them: what was made otherwise is neither taken for theirs nor gone on with.

    Args:
        root: The project's root.
        suite: The suite.
        schedule: Its ``Suite.schedule``.
        data_root: Folder of the streets and initialisations.
        out: Folder of the runs.

    Raises:
        ValueError: If a folder's name cannot be handed over on a command line of mmengine.
    """

    def __init__(self, root: Path, suite: Suite, schedule: Mapping[str, Any], data_root: Path, out: Path) -> None:
        for folder in (data_root, out):
            if set(str(folder)) & set(' ,()[]\'"'):
                raise ValueError(f'--cfg-options cannot hold the folder {str(folder)!r}: no spaces, commas, brackets')
        self.root, self.suite, self.schedule = root, suite, schedule
        self.data_root, self.out = data_root, out

    def world(self, seed: int) -> Path:
        """Folder of the street of a seed."""
        return self.data_root / f'seed_{seed}' / f'world_{hash_of(dict(self.suite.world))[:8]}'

    def street(self, seed: int) -> dict[str, Any]:
        """Give what the street of a seed says of itself, version and parameters; nothing where there is none."""
        path = self.world(seed) / 'world.json'
        return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}

    def init(self, seed: int) -> Path:
        """Folder of the initialisation of a seed, once its street is there."""
        return self.data_root / f'seed_{seed}' / f'init_{self._mark(seed, self.schedule["init"])}'

    def work_dir(self, row: Row, seed: int) -> Path:
        """Folder of a run, once the street of its seed is there."""
        mark = self._mark(seed, self.schedule['init'], self.schedule['runs'][row.run])
        return self.out / 'runs' / f'{row.run}_{mark}' / f'seed_{seed}'

    def metrics(self, row: Row, seed: int) -> Path:
        """File in which the test of a run leaves its figures."""
        return self.work_dir(row, seed) / 'metrics.json'

    def prepare(self, seed: int) -> Iterator[Step]:
        """Make the street of a seed, then train the initialisation on it; only the first is known before it is made."""
        world = self.world(seed)
        arguments = [part for name, value in self.suite.world.items() for part in _argument(name, value)]
        # one worker: a pool would outlive a benchmark that is killed
        make = self._step('make_streetworld', '--out', world, '--seed', seed, '--workers', 1, *arguments)
        # never taken as done: the tool alone knows whether it would make the same street as the one that is there
        yield Step(f'street of seed {seed}', make, world.with_suffix('.log'))
        init = self.init(seed)
        train = self._train(self.suite.init, init, seed, self.suite.init_options)
        yield Step(f'initialisation of seed {seed}', train, init / 'train.log', init / 'finished', init / POINTER)

    def run(self, row: Row, seed: int) -> Iterator[Step]:
        """Train a row, or go on with it, then test it; each step is to be finished before the next is asked for."""
        folder = self.work_dir(row, seed)
        options = self.suite.options_of(row)
        train = self._train(row.config, folder, seed, options | {'load_from': last_checkpoint(self.init(seed))})
        name = f'training of {row.name}, seed {seed}'
        yield Step(name, train, folder / 'train.log', folder / 'trained', folder / POINTER)
        where = ['--work-dir', folder, '--cfg-options', *_options(options | self._data(seed))]
        test = self._step('test', row.config, last_checkpoint(folder), '--tc', *where)
        yield Step(f'test of {row.name}, seed {seed}', test, folder / 'test.log')

    def _mark(self, seed: int, *hashes: str) -> str:
        """Hash of the street, the same for all seeds, and of configs."""
        street = {key: value for key, value in self.street(seed).items() if key != 'seed'}
        return hash_of([dict(self.suite.world), street, *hashes])[:8]

    def _train(self, config: str, folder: Path, seed: int, options: Mapping[str, Any]) -> tuple[str, ...]:
        own = _options({**options, **self._data(seed)})
        where = ['--work-dir', folder, '--seed', seed, '--resume', 'auto', '--cfg-options']
        return self._step('train', config, *where, *own)

    def _data(self, seed: int) -> dict[str, Any]:
        world = self.world(seed)
        return {
            'train_dataloader.dataset.source.data_root': world / 'viper',
            'train_dataloader.dataset.target.data_root': world / 'cityscapes',
            'val_dataloader.dataset.data_root': world / 'cityscapes',
            'test_dataloader.dataset.data_root': world / 'cityscapes',
        }

    def _step(self, tool: str, *arguments: Any) -> tuple[str, ...]:
        return (sys.executable, str(self.root / 'tools' / f'{tool}.py'), *map(str, arguments))


def last_checkpoint(folder: Path) -> Path:
    """The checkpoint that a finished run leaves; the pointer of a folder that was moved names the old place."""
    pointer = folder / POINTER
    return folder / Path(pointer.read_text(encoding='utf-8').strip()).name if pointer.is_file() else folder / 'none'


def _argument(name: str, value: Any) -> list[Any]:
    flag = f'--{name.replace("_", "-")}'
    return [flag] if value is True else [flag, value]


def _options(options: Mapping[str, Any]) -> list[str]:
    return [f'{key}={value}' for key, value in options.items()]
