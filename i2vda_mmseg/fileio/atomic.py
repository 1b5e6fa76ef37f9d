"""Files that are complete under their name, or not there."""

import io
import os
import uuid
from contextlib import suppress
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

    Args:
        obj: What to save.
        path: File to write; its folder is made if needed.

    Raises:
        OSError: If it cannot be written (full disk, read-only folder); what stood there before is untouched.
    """
    buffer = io.BytesIO()  # torch reports a failed write to a file as an assertion of its zip writer
    torch.save(obj, buffer)
    write_atomically(buffer.getvalue(), path)


def write_atomically(data: bytes, path: str | Path) -> None:
    """Write bytes to a temporary file beside ``path``, flush it to the disk, and give it its name.

    Raises:
        OSError: If it cannot be written; what stood there before is untouched.
    """
    path = Path(path)
    draft = path.parent / f'.{path.name}.{uuid.uuid4().hex}{_SUFFIX}'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open('xb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        _discard(draft)
        what = f'{path} could not be written ({error.strerror}); what stood there before is untouched.'
        raise OSError(error.errno, what) from error
    except BaseException:
        _discard(draft)
        raise
    _flush_folder(path.parent)


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


def _discard(draft: Path) -> None:
    with suppress(OSError):  # where nothing can be written, nothing was
        draft.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Make the new name outlive a power cut; some file systems cannot, and it stands for every process even so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
