"""One command of a suite, as a process of its own."""

import fcntl
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

POINTER = 'last_checkpoint'  # that of i2vda_mmseg.engine.checkpoints, which takes seconds to import
WRAPPER = Path('i2vda_mmseg', 'apis', 'die_with_parent.py')


@dataclass(frozen=True)
class LastCheckpoint:
    """The checkpoint that a run will leave in a folder, as an argument of a command."""

    folder: Path

    def find(self) -> str:
        """Name it, once it is there; the pointer of a folder that was moved names the old place."""
        pointer = self.folder / POINTER
        name = Path(pointer.read_text(encoding='utf-8').strip()).name if pointer.is_file() else 'none'
        return str(self.folder / name)

    def __str__(self) -> str:
        """How a shell finds it."""
        return f'"$(cat {shlex.quote(str(self.folder / POINTER))})"'


@dataclass(frozen=True)
class Step:
    """A command, where its output goes, and the file that says that it need not run again.

    Attributes:
        name: What it does, for messages.
        script: The tool.
        arguments: What it is called with; a ``LastCheckpoint``, also after ``key=``, is found when it starts.
        log: File that its output is added to.
        done: File that is written when it has succeeded; None: it runs each time.
        pointer: File that names its last checkpoint; None: it saves none.
        ranks: Whether several processes may share it.
    """

    name: str
    script: Path
    arguments: tuple[Any, ...]
    log: Path
    done: Path | None = None
    pointer: Path | None = None
    ranks: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it has succeeded before."""
        return self.done is not None and self.done.is_file()

    def words(self) -> list[str]:
        """Give the tool and its arguments, as they are now."""
        found = [
            x.find() if isinstance(x, LastCheckpoint) else _word(x, lambda last: last.find()) for x in self.arguments
        ]
        return [str(self.script), *found]

    def shell(self, ranks: int = 1) -> str:
        """Write the command for a shell, with the mark that it is done."""
        said = [_word(x, str) if _is_late(x) else shlex.quote(_word(x, str)) for x in self.arguments]
        launcher = [str(self.script.with_name('launch_ranks.py')), str(ranks)] if self.ranks and ranks > 1 else []
        words = [shlex.quote(word) for word in (sys.executable, *launcher, str(self.script))]
        mark = f' && touch {shlex.quote(str(self.done))}' if self.done else ''
        return ' '.join([*words, *said]) + mark

    def start(
        self, root: Path, environment: Mapping[str, str], more: tuple[str, ...], lock: TextIO
    ) -> subprocess.Popen:
        """Start a process of it, which ends when this one does, and holds the lock until then.

        Args:
            root: Folder in which it runs.
            environment: What is added to the environment variables.
            more: What is added to the arguments.
            lock: See ``locked``.
        """
        # -I -S: the wrapper itself needs nothing but the standard library, and starts in 20 ms
        wrapper = [
            sys.executable,
            '-I',
            '-S',
            str(Path(__file__).parents[2] / WRAPPER),
            str(os.getpid()),
            sys.executable,
        ]
        with self.log.open('ab') as log:
            return subprocess.Popen(
                [*wrapper, *self.words(), *more],
                cwd=root,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )

    def finish(self) -> None:
        """Note that it has succeeded."""
        if self.done is not None:
            self.done.touch()

    def reached(self) -> str:
        """Name the checkpoint from which it would go on; '' where there is none."""
        if self.pointer is None or not self.pointer.is_file():
            return ''
        return self.pointer.read_text(encoding='utf-8', errors='replace').strip()

    def last_words(self) -> str:
        """Give the last line of its output."""
        lines = self.log.read_text(encoding='utf-8', errors='replace').split('\n') if self.log.is_file() else []
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), 'it wrote nothing')


@contextmanager
def locked(folder: Path, patience: float) -> Iterator[TextIO]:
    """Keep others out of a folder, which is made if needed, until all processes that share the lock have ended.

    Args:
        folder: The folder.
        patience: Seconds to wait for it.

    Raises:
        BlockingIOError: If another benchmark is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / '.lock').open('w', encoding='utf-8') as file:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as busy:
                if time.monotonic() > until:
                    raise BlockingIOError(
                        f'another benchmark is at work in {folder}; wait for it, or choose another --out or --data-root'
                    ) from busy
            time.sleep(0.05)
        yield file


def _is_late(argument: Any) -> bool:
    return isinstance(argument, LastCheckpoint) or (
        isinstance(argument, tuple) and isinstance(argument[1], LastCheckpoint)
    )


def _word(argument: Any, find: Any) -> str:
    """Write an argument; a pair is ``key=value``."""
    if isinstance(argument, tuple):
        return f'{argument[0]}={_word(argument[1], find)}'
    return find(argument) if isinstance(argument, LastCheckpoint) else str(argument)
