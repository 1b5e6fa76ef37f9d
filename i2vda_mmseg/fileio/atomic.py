"""Files that are complete under their name, or not there."""

import io
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import LocalBackend, register_backend

BACKEND = 'atomic'  # for backend_args=dict(backend='atomic') of mmengine
_SUFFIX = '.tmp'


def save_atomically(obj: Any, path: str | Path) -> None:
    """``torch.save`` that can be killed at any moment: the file under ``path`` is the old one or the new one, whole.

    For all that a run writes and reads again: checkpoints of stages, states, tables of tensors. What it writes is read
    by ``read_checkpoint``, if it consists of tensors, numbers, strings, NumPy arrays, lists, tuples and dicts.

    Raises:
        OSError: If it cannot be written (full disk, read-only folder); what stood there before is untouched.
    """
    buffer = io.BytesIO()  # torch reports a failed write to a file as an assertion of its zip writer
    torch.save(obj, buffer)
    write_atomically(buffer.getvalue(), path)


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


def remove_unfinished(folder: str | Path) -> list[Path]:
    """Remove the temporary files that killed runs have left in a folder or below it; returns which."""
    left = [path for path in Path(folder).rglob(f'.*{_SUFFIX}') if path.is_file() and not path.is_symlink()]
    for path in left:
        path.unlink(missing_ok=True)
    return left


@register_backend(BACKEND)
class AtomicLocalBackend(LocalBackend):
    """mmengine's access to local files, writing through ``write_atomically``."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes, completely or not at all."""
        write_atomically(obj, filepath)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text, completely or not at all."""
        write_atomically(obj.encode(encoding), filepath)


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
