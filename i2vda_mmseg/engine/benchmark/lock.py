"""One benchmark a folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other benchmarks out of a folder, which is made if needed; the lock ends with the process, however it ends.

    Raises:
        BlockingIOError: If another benchmark is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / '.lock').open('w', encoding='utf-8') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(
                error.errno, f'another benchmark is at work in {folder}; wait for it, or choose another folder'
            ) from error
        yield
