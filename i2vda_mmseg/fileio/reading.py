"""Files as a whole, from the disk or another backend of mmengine, with errors that name them."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

ADVICE = 'Is the download complete? Fetch the file again, or take it off the list.'
MAX_BYTES = 1 << 30


def read_bytes(path: str, what: str, backend_args: dict | None = None) -> bytes:
    """Read a file through a backend of mmengine, the local disk by default; messages call it ``what`` it is.

    Raises:
        OSError: If it is not there, is a folder, or may not be read, or the disk fails.
        ValueError: If it is empty, larger than ``MAX_BYTES``, or a pipe or a device.
    """
    check_file(path, what)
    try:
        content = _fetch(path, backend_args) if backend_args or '://' in path else Path(path).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f'no such {what}: {path}') from error
    except PermissionError as error:
        raise PermissionError(f'{what} {path} may not be read; give this user the right to (chmod).') from error
    except OSError as error:
        raise OSError(f'{what} {path} cannot be read: {error.strerror or error}.') from error
    if not content:
        raise ValueError(f'{what} {path} is an empty file. {ADVICE}')
    return content


def check_file(path: str, what: str, limit: int | None = MAX_BYTES) -> None:
    """Refuse what lies on the local disk but is no file of a sensible size; whether it is there is not asked.

    Args:
        path: The file.
        what: What it is, for the messages.
        limit: Most bytes, of what is read as a whole; None for what is read bit by bit.

    Raises:
        IsADirectoryError: If it is a folder.
        ValueError: If it is larger than ``limit``, or a pipe or a device, which may never end.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(f'{what} {path} is a folder; expected a file.')
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f'{what} {path} is no regular file; expected a file with pixels.')
    if limit is not None and os.path.exists(path) and os.path.getsize(path) > limit:
        raise ValueError(f'{what} {path} has {os.path.getsize(path)} bytes; at most {limit} are read. {ADVICE}')


def _fetch(path: str, backend_args: dict | None) -> bytes:
    fileio: Any = import_module('mmengine.fileio')  # which needs torch; an exported network is run without
    return fileio.get(path, backend_args=backend_args)
