"""One command of a suite, as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

POINTER = 'last_checkpoint'  # that of i2vda_mmseg.engine.checkpoints, which takes seconds to import
DIE_WITH_PARENT = Path(__file__).parents[2] / 'i2vda_mmseg' / 'apis' / 'die_with_parent.py'
LATE = re.compile('<last checkpoint in (.*?)>')


def last_checkpoint(folder: Path) -> str:
    """Stand in an argument for the checkpoint that a run will have left in a folder when the command starts."""
    return f'<last checkpoint in {folder}>'


@dataclass(frozen=True)
class Step:
    """A command, where its output goes, and the file that says that it need not run again."""

    name: str  # what it does, for messages
    script: Path
    arguments: tuple[str, ...]  # with parts from ``last_checkpoint``
    log: Path  # its output is added to it
    done: Path | None = None  # written when it has succeeded; None: it runs each time
    ranks: bool = False  # whether several processes may share it

    @property
    def is_done(self) -> bool:
        """Whether it has succeeded before."""
        return self.done is not None and self.done.is_file()

    def finish(self) -> None:
        """Note that it has succeeded."""
        if self.done is not None:
            self.done.touch()

    def words(self) -> list[str]:
        """Give the tool and its arguments, as they are now."""
        return [str(self.script), *(LATE.sub(_found, argument) for argument in self.arguments)]

    def start(self, root: Path, environment: Mapping[str, str]) -> subprocess.Popen:
        """Start a process of it in ``root``, which ends when this one does."""
        # -I -S: the wrapper itself needs nothing but the standard library, and starts in 20 ms
        wrapper = [sys.executable, '-I', '-S', str(DIE_WITH_PARENT), str(os.getpid()), sys.executable]
        launcher = ['--launcher', 'pytorch'] if 'RANK' in environment else []
        with self.log.open('ab') as log:
            return subprocess.Popen(
                [*wrapper, *self.words(), *launcher],
                cwd=root,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def last_words(self) -> str:
        """Give the last line of its output."""
        lines = self.log.read_text(encoding='utf-8', errors='replace').split('\n') if self.log.is_file() else []
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), 'it wrote nothing')


@contextmanager
def locked(folder: Path, patience: float) -> Iterator[None]:
    """Keep others out of a folder, which is made if needed.

    Args:
        folder: The folder.
        patience: Seconds to wait for it.

    Raises:
        BlockingIOError: If another benchmark is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / '.lock', timeout=patience):
            yield
    except Timeout as busy:
        raise BlockingIOError(
            f'another benchmark is at work in {folder}; wait for it, or choose another --out or --data-root'
        ) from busy


def _found(late: re.Match[str]) -> str:
    """Name the checkpoint; the pointer of a folder that was moved names the old place."""
    pointer = Path(late[1], POINTER)
    name = Path(pointer.read_text(encoding='utf-8').strip()).name if pointer.is_file() else 'none'
    return str(pointer.with_name(name))
