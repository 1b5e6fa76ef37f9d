"""One command of a benchmark, as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from i2vda_mmseg.apis import die_with_parent
from i2vda_mmseg.fileio.atomic import write_atomically


@dataclass(frozen=True)
class Step:
    """A command, where its output goes, and the file that says that it need not run again.

    Attributes:
        name: What it does, for messages.
        command: Program and arguments.
        log: File that its output is added to.
        done: File that is written when it has succeeded; None: it runs each time.
        pointer: File that names its last checkpoint; None: it saves none.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    done: Path | None = None
    pointer: Path | None = None

    @property
    def is_done(self) -> bool:
        """Whether it has succeeded before."""
        return self.done is not None and self.done.is_file()

    def start(self, root: Path, environment: Mapping[str, str]) -> subprocess.Popen:
        """Start it, in a session of its own, so that Ctrl-C reaches it only through the benchmark.

        Args:
            root: Folder in which it runs.
            environment: What is added to the environment variables.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # -I -S: the wrapper itself needs nothing but the standard library, and starts in 20 ms
        wrapper = [sys.executable, '-I', '-S', die_with_parent.__file__, str(os.getpid())]
        with self.log.open('ab') as log:
            return subprocess.Popen(
                [*wrapper, *self.command],
                cwd=root,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self) -> None:
        """Note that it has succeeded."""
        if self.done is not None:
            write_atomically(b'', self.done)

    def reached(self) -> str:
        """Name the checkpoint from which it would go on; '' where there is none."""
        if self.pointer is None or not self.pointer.is_file():
            return ''
        return self.pointer.read_text(encoding='utf-8', errors='replace').strip()

    def last_words(self) -> str:
        """Give the last line of its output."""
        lines = self.log.read_text(encoding='utf-8', errors='replace').split('\n') if self.log.is_file() else []
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), 'it wrote nothing')
