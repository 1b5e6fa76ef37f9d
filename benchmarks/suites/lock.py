"""One benchmark a folder."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# A process that is being started holds the lock until it has become its command; of a killed benchmark, a moment more.
PATIENCE = 5.0  # seconds


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other benchmarks out of a folder, which is made if needed; the lock ends with the process, however it ends.

    Raises:
        BlockingIOError: If another benchmark is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / '.lock').open('w', encoding='utf-8') as file:
        until = time.monotonic() + PATIENCE
        while not _try_lock(file):
            if time.monotonic() > until:
                raise BlockingIOError(
                    f'another benchmark is at work in {folder}; wait for it, or choose another --out or --data-root'
                )
            time.sleep(0.05)
        yield


def _try_lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
