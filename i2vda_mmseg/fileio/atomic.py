"""Files that are complete under their name, or not there."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SUFFIX = '.tmp'


def write_atomically(data: bytes | str, path: str | Path) -> None:
    """Write bytes, or text in UTF-8, that are there completely or not at all, see ``atomic_file``.

    Raises:
        OSError: If they cannot be written; what stood there before is untouched.
    """
    with atomic_file(path) as draft:
        draft.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Let another library write a file that appears under ``path`` only once it is whole.

    Args:
        path: File to write; its folder is made if needed.

    Yields:
        A name beside ``path``, of a file that is not there yet. Afterwards the file is flushed to the disk and takes
        its name; after an error inside, it is removed.

    Raises:
        OSError: If it cannot be written (full disk, read-only folder); what stood there before is untouched.
    """
    path = Path(path)
    draft = path.parent / f'.{path.name}.{uuid.uuid4().hex}{_SUFFIX}'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _flush(draft, os.O_RDWR)
        draft.replace(path)
    except OSError as error:
        _discard(draft)
        if error.errno is None or not _is_about(error, draft):
            raise
        what = f'{path} could not be written ({error.strerror}); what stood there before is untouched.'
        raise OSError(error.errno, what) from error
    except BaseException:
        _discard(draft)
        raise
    with suppress(OSError):  # so that the new name outlives a power cut; some file systems cannot
        _flush(path.parent, os.O_RDONLY)


@contextmanager
def atomic_files(folder: str | Path, last: str) -> Iterator[Path]:
    """Let other libraries write files that belong together, which appear in a folder once all are whole.

    Args:
        folder: Where the files go; made if needed.
        last: Ending of the files that are there last, because they refer to the others.

    Yields:
        An empty folder to write them to. Afterwards they are flushed to the disk and moved; after an error, removed.

    Raises:
        OSError: If one cannot be written; what stood there before is untouched, unless moving itself fails.
    """
    folder = Path(folder)
    draft = folder / f'.{uuid.uuid4().hex}{_SUFFIX}'
    try:
        draft.mkdir(parents=True)
        yield draft
        files = sorted(draft.iterdir(), key=lambda path: path.suffix == last)
        for file in files:
            _flush(file, os.O_RDWR)
        for file in files:
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    with suppress(OSError):
        _flush(folder, os.O_RDONLY)


def remove_unfinished(folder: str | Path) -> list[Path]:
    """Remove the temporary files that killed runs have left in a folder or below it; returns which."""
    left = [path for path in Path(folder).rglob(f'.*{_SUFFIX}') if path.is_file() and not path.is_symlink()]
    for path in left:
        path.unlink(missing_ok=True)
    return left


def _is_about(error: OSError, draft: Path) -> bool:
    """Whether a file or its folder is what failed, rather than something else that was read on the way."""
    return error.filename is None or draft.name in str(error.filename) or Path(error.filename) in draft.parents


def _discard(draft: Path) -> None:
    with suppress(OSError):  # where nothing can be written, nothing was
        draft.unlink(missing_ok=True)


def _flush(path: Path, mode: int) -> None:
    """Bring a file, or the names in a folder, from the system's memory to the disk."""
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
