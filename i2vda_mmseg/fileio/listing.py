"""What lies in a folder, and what a list file asks for."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmengine import fileio


def list_names(
    folder: str, suffix: str, backend_args: dict | None = None, folders: list[str] | None = None
) -> list[str]:
    """Names of all files below a folder that end in ``suffix``.

    Args:
        folder: Folder to walk, sub-folders included.
        suffix: Ending to look for; it is cut off the names.
        backend_args: File backend of mmengine; the local disk by default.
        folders: Takes up the paths of folders that end in ``suffix``, where a file should be; local disk only.

    Returns:
        Sorted names relative to ``folder``, with ``/`` between the parts and without ``suffix``.
    """
    if backend_args is None:
        files = _walk(folder, suffix, [] if folders is None else folders)
        return sorted(os.path.relpath(file, folder).replace(os.sep, '/')[: -len(suffix)] for file in files)
    files = fileio.list_dir_or_file(folder, list_dir=False, suffix=suffix, recursive=True, backend_args=backend_args)
    return sorted(file.replace('\\', '/')[: -len(suffix)] for file in files)


def _walk(folder: str, suffix: str, folders: list[str]) -> Iterator[str]:
    """Give the files below a folder, hidden ones left out, as mmengine does."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith('.'):
                continue
            if entry.is_dir():
                if entry.name.endswith(suffix):
                    folders.append(entry.path)
                yield from _walk(entry.path, suffix, folders)
            elif entry.name.endswith(suffix) and entry.is_file():
                yield entry.path


def read_list(path: str) -> list[str]:
    """Read the non-empty lines of a list file, stripped, whatever its line ends.

    Args:
        path: Text file, UTF-8 with or without a byte-order mark, one sample a line.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is a folder or may not be read.
        ValueError: If the file is no text, names nothing, or names what is not below the data root.
    """
    if Path(path).is_dir():
        raise IsADirectoryError(f'ann_file: {path} is a folder; expected a text file with one sample a line.')
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'ann_file: no such list file: {path}\n'
            "It is looked for below data_root unless it is absolute; leave ann_file='' to use all labelled frames."
        )
    names = [_name(path, number, line.strip()) for number, line in enumerate(_lines(path), start=1) if line.strip()]
    if not names:
        raise ValueError(f"ann_file: {path} names no sample; write one a line, or leave ann_file=''.")
    return names


def _lines(path: str) -> list[str]:
    try:
        text = Path(path).read_text(encoding='utf-8-sig')
    except PermissionError as error:
        raise PermissionError(
            f'ann_file: {path} may not be read; give this user the right to (chmod, chown).'
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f'ann_file: {path} is no text in UTF-8 ({error.reason} at byte {error.start}).') from error
    if not text.replace('\n', '').replace('\r', '').replace('\t', '').isprintable():
        raise ValueError(f'ann_file: {path} is no list: it holds bytes that are no text; expected one sample a line.')
    return text.splitlines()


def _name(path: str, number: int, line: str) -> str:
    """Refuse what would leave the data root."""
    name = line.replace('\\', '/').removeprefix('./')
    if name.startswith('/') or name[1:2] == ':' or '..' in name.split('/'):
        raise ValueError(f'ann_file: line {number} of {path}, {line!r}, is no path below the data root.')
    return name


def strip_suffix(name: str, suffixes: Iterable[str]) -> str:
    """Cut the longest of ``suffixes`` that ends ``name``, if any does."""
    for suffix in sorted(suffixes, key=len, reverse=True):
        if suffix and name.endswith(suffix):
            return name[: -len(suffix)]
    return name


def previous_name(name: str) -> str:
    """Name of the frame before, zero padding kept ('' before frame 0).

    Raises:
        ValueError: If the name does not end in a number.

    Example:
        >>> previous_name('001/001_00010'), previous_name('000001'), previous_name('000000')
        ('001/001_00009', '000000', '')
    """
    match = re.search(r'[0-9]+$', name)
    if match is None:
        raise ValueError(f'{name} does not end in a frame number, so that there is no telling which frame is before it')
    number = int(match[0])
    return f'{name[: match.start()]}{number - 1:0{len(match[0])}d}' if number else ''
