"""What a benchmark runs: the project's own command lines."""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from i2vda_mmseg.streetworld import WorldPlan

from .step import LATE, POINTER, Step, last_checkpoint
from .suite import STREETWORLD, Row, Suite, hash_of


class Commands:
    """Steps of a suite: make the street and the initialisation of a seed, train and test a row.

    The street's folder is named after its parameters, so that suites share it where they are the same. The folders of
    the initialisation and of the runs are named after the street, with its version, and all configs which decide them:
    what was made otherwise is neither taken for theirs nor gone on with. Real data have no street, and each row its own
    start.

    Args:
        root: The project's root.
        suite: The suite.
        schedule: Its ``Suite.schedule``.
        data_root: Folder of the streets and initialisations, or of the real data.
        out: Folder of the runs.

    Raises:
        ValueError: If a folder's name cannot be handed over on a command line of mmengine.
    """

    def __init__(self, root: Path, suite: Suite, schedule: Mapping[str, Any], data_root: Path, out: Path) -> None:
        for folder in (data_root, out):
            if set(str(folder)) & set(' ,()[]<>\'"'):
                raise ValueError(f'--cfg-options cannot hold the folder {str(folder)!r}: no spaces, commas, brackets')
        self.root, self.suite, self.schedule = root, suite, schedule
        self.data_root, self.out = data_root, out

    def world(self, seed: int) -> Path:
        """Folder of the street of a seed; of real data, that of all."""
        if self.suite.data != STREETWORLD:
            return self.data_root
        return self.data_root / f'seed_{seed}' / f'world_{hash_of(dict(self.suite.world))[:8]}'

    def street(self, seed: int) -> dict[str, Any]:
        """Give what the street of a seed will say of itself, version and parameters; nothing of real data."""
        return WorldPlan(seed=seed, **self.suite.world).describe() if self.suite.data == STREETWORLD else {}

    def init(self, seed: int) -> Path:
        """Folder of the initialisation of a seed."""
        return self.data_root / f'seed_{seed}' / f'init_{self._mark(seed, self.schedule["init"])}'

    def work_dir(self, row: Row, seed: int) -> Path:
        """Folder of a run."""
        mark = self._mark(seed, self.schedule['init'], self.schedule['runs'][row.run])
        return self.out / 'runs' / f'{row.run}_{mark}' / f'seed_{seed}'

    def metrics(self, row: Row, seed: int) -> Path:
        """File in which the test of a run leaves its figures."""
        return self.work_dir(row, seed) / 'metrics.json'

    def prepare(self, seed: int) -> Iterator[Step]:
        """Make the street of a seed and train the initialisation on it, where the suite has them."""
        if self.suite.data == STREETWORLD:
            world = self.world(seed)
            arguments = [part for name, value in self.suite.world.items() for part in _argument(name, value)]
            # one worker: the places are for runs. Never done: the tool alone knows whether the street would be the same
            make = self._tool('make_streetworld', '--out', world, '--seed', seed, '--workers', 1, *arguments)
            yield Step(f'street of seed {seed}', *make, log=world.with_suffix('.log'))
        if self.suite.init:
            init = self.init(seed)
            yield self._train(
                f'initialisation of seed {seed}', self.suite.init, init, 'finished', seed, self.suite.init_options
            )

    def run(self, row: Row, seed: int) -> Iterator[Step]:
        """Train a row, or go on with it, then test it."""
        folder, options = self.work_dir(row, seed), self.suite.options_of(row)
        start = {'load_from': last_checkpoint(self.init(seed))} if self.suite.init else {}
        yield self._train(f'training of {row.name}, seed {seed}', row.config, folder, 'trained', seed, options | start)
        where = self._options(folder, seed, options)
        test = self._tool('test', row.config, last_checkpoint(folder), '--tc', *where)
        yield Step(f'test of {row.name}, seed {seed}', *test, log=folder / 'test.log')

    def lines(self, seeds: Sequence[int], ranks: int) -> Iterator[str]:
        """Write what would run; the lines of a seed's heading must be through before those of its rows begin."""
        yield f'cd {shlex.quote(str(self.root))}'
        for seed in seeds:
            yield f'# seed {seed}'
            prepared = [_in_shell(step, ranks) for step in self.prepare(seed)]
            yield from [*prepared, '# then, in any order'] if prepared else []
            for row in self.suite.runs().values():
                yield ' && '.join(_in_shell(step, ranks) for step in self.run(row, seed))

    def _mark(self, seed: int, *hashes: str) -> str:
        """Hash of the street, the same for all seeds, and of configs."""
        street = {key: value for key, value in self.street(seed).items() if key != 'seed'}
        return hash_of([dict(self.suite.world), street, *hashes])[:8]

    def _train(self, name: str, config: str, folder: Path, mark: str, seed: int, options: Mapping[str, Any]) -> Step:
        where = self._options(folder, seed, options)
        train = self._tool('train', config, '--seed', seed, '--resume', 'auto', *where)
        return Step(name, *train, folder / 'train.log', folder / mark, ranks=True)

    def _options(self, folder: Path, seed: int, options: Mapping[str, Any]) -> list[Any]:
        world = self.world(seed)
        places = {
            'train_dataloader.dataset.source.data_root': world / 'viper',
            'train_dataloader.dataset.target.data_root': world / 'cityscapes',
            'val_dataloader.dataset.data_root': world / 'cityscapes',
            'test_dataloader.dataset.data_root': world / 'cityscapes',
        }
        return [
            '--work-dir',
            folder,
            '--cfg-options',
            *(f'{key}={value}' for key, value in {**options, **places}.items()),
        ]

    def _tool(self, name: str, *arguments: Any) -> tuple[Path, tuple[str, ...]]:
        return self.root / 'tools' / f'{name}.py', tuple(map(str, arguments))


def _in_shell(step: Step, ranks: int) -> str:
    """Write a command for a shell, with the mark that it is done."""
    launcher = [str(step.script.with_name('launch_ranks.py')), str(ranks)] if step.ranks and ranks > 1 else []
    words = [shlex.quote(word) for word in (sys.executable, *launcher, str(step.script), *step.arguments)]
    mark = f' && touch {shlex.quote(str(step.done))}' if step.done else ''
    return LATE.sub(lambda late: f"""'"$(cat {shlex.quote(f'{late[1]}/{POINTER}')})"'""", ' '.join(words)) + mark


def _argument(name: str, value: Any) -> list[Any]:
    flag = f'--{name.replace("_", "-")}'
    return [flag] if value is True else [flag, 'x'.join(map(str, value)) if isinstance(value, tuple) else value]
