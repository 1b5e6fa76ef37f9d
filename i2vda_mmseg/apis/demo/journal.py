"""What a demo has done already, so that a second start goes on where the first one stopped."""

import json
import shutil
from collections.abc import Sequence
from typing import Any

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.version import __version__

from .plan import DemoOptions, Step

JOURNAL = 'demo.json'


class Journal:
    """``demo.json`` of a work dir: settings, the steps that have been started and done, and their seconds.

    Args:
        options: Of the demo.
        steps: Of the demo.

    Raises:
        ConfigError: If the work dir holds a demo of other settings, or runs that no demo has noted.
    """

    def __init__(self, options: DemoOptions, steps: Sequence[Step]) -> None:
        self.path = options.work_dir / JOURNAL
        self.settings: dict[str, Any] = dict(
            seed=options.seed, threads=options.threads, smoke=options.smoke, data_root=str(options.data_root),
            version=__version__,
        )  # fmt: skip
        self.done: list[str] = []
        self.started: list[str] = []
        self.seconds: dict[str, float] = {}
        if options.fresh:
            self._clear(steps)
        self._read(steps)

    def begin(self, step: Step) -> bool:
        """Note that a step starts; gives whether it had started before."""
        had_started = step.name in self.started
        self.started += [] if had_started else [step.name]
        self._write()
        return had_started

    def end(self, step: Step, seconds: float, is_done: bool) -> None:
        """Note how long a step ran, and whether it came to its end."""
        self.seconds[step.name] = self.seconds.get(step.name, 0.0) + seconds
        self.done += [step.name] if is_done else []
        self._write()

    def _read(self, steps: Sequence[Step]) -> None:
        if not self.path.is_file():
            left = [step.folder for step in steps if step.folder is not None and step.folder.exists()]
            if left:
                raise ConfigError(f'{left[0]} is there already, of no demo that could go on; {self._advice()}')
            return
        try:
            content = json.loads(self.path.read_text(encoding='utf-8'))
            found = content['settings']
            self.done, self.started = list(content['done']), list(content['started'])
            self.seconds = {str(name): float(value) for name, value in content['seconds'].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f'{self.path} is damaged; {self._advice()}') from error
        differing = [key for key, value in self.settings.items() if found.get(key) != value]
        if differing:
            told = ', '.join(f'{key} {found.get(key)} and not {self.settings[key]}' for key in differing)
            raise ConfigError(f'{self.path.parent} holds a demo with {told}; {self._advice()}')

    def _write(self) -> None:
        content = dict(settings=self.settings, started=self.started, done=self.done, seconds=self.seconds)
        write_atomically(json.dumps(content, indent=1) + '\n', self.path)

    def _clear(self, steps: Sequence[Step]) -> None:
        self.path.unlink(missing_ok=True)
        for step in steps:
            if step.folder is not None:
                shutil.rmtree(step.folder, ignore_errors=True)

    @staticmethod
    def _advice() -> str:
        return 'start over with --fresh, which removes its runs, or name another --work-dir'
