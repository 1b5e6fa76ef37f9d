"""Files that are complete under their name, or not there."""

import hashlib
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_SUFFIX = '.tmp'
_SILENCE = 3600.0  # seconds without a write after which a draft of another machine counts as left
_NAMED = re.compile(rf'\.([0-9a-f]{{8}})-([0-9]+)-[0-9a-f]{{16}}{re.escape(_SUFFIX)}$')


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
    draft = path.parent / _draft_name(path.name)
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


def require_another_file(out: str | Path, source: str | Path, what: str) -> None:
    """Refuse to write over what is read.

    Args:
        out: File to write.
        source: File or folder that is read, which need not be there.
        what: What it is, for the message.

    Raises:
        ValueError: If they are one.
    """
    if Path(out).exists() and Path(source).exists() and Path(out).samefile(source):
        raise ValueError(f'{out} is {what}, which would be lost; write to another file')


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
    draft = folder / _draft_name()
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
    """Remove the temporary files that killed runs have left in a folder or below it; returns which.

    Other runs may write there at the same time: what a living process of this machine writes stays, and so does what
    another machine has written to within an hour.
    """
    drafts = [path for path in Path(folder).rglob(f'.*{_SUFFIX}') if path.is_file() and not path.is_symlink()]
    left = [path for path in drafts if _is_left(path)]
    for path in left:
        path.unlink(missing_ok=True)
    return left


def _draft_name(name: str = '') -> str:
    """Name a file that is being written, and who writes it: ``.<name>.<machine>-<process>-<random>.tmp``."""
    start = f'.{name}.' if name else '.'
    return f'{start}{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:16]}{_SUFFIX}'


@cache
def _machine() -> str:
    """Tell machines apart, and containers that number their processes by themselves."""
    with suppress(OSError):  # which only Linux has
        return hashlib.sha256(f'{socket.gethostname()} {os.readlink("/proc/self/ns/pid")}'.encode()).hexdigest()[:8]
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_left(draft: Path) -> bool:
    """Whether nobody writes a draft any more."""
    writer = _NAMED.search(draft.name)
    if writer and writer[1] == _machine() and os.name == 'posix':
        return not _is_alive(int(writer[2]))
    try:
        return time.time() - draft.stat().st_mtime > _SILENCE
    except FileNotFoundError:  # it has just taken its name
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is of another user
        pass
    return True


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
