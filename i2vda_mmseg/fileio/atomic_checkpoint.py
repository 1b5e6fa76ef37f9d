"""Checkpoints and what mmengine writes, complete under their name or not there."""

import io
from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import LocalBackend, register_backend

from .atomic import write_atomically

BACKEND = 'atomic'  # for backend_args=dict(backend='atomic') of mmengine


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


@register_backend(BACKEND)
class AtomicLocalBackend(LocalBackend):
    """mmengine's access to local files, writing through ``write_atomically``."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes, completely or not at all."""
        write_atomically(obj, filepath)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text, completely or not at all."""
        write_atomically(obj.encode(encoding), filepath)
