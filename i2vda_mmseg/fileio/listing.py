"""What lies in a folder, and what a list file asks for."""

import os
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any


def list_files(
    folder: str, suffix: str, backend_args: dict | None = None, folders: list[str] | None = None
) -> dict[str, str]:
    """Find all files below a folder that end in ``suffix``, in capitals or not; hidden ones are left out.

    Args:
        folder: Folder to walk, sub-folders included.
        suffix: Ending to look for; it is cut off the names.
        backend_args: File backend of mmengine; the local disk by default.
        folders: Takes up the paths of folders that end in ``suffix``, where a file should be; local disk only.

    Returns:
        Sorted names without ``suffix``, and the files' paths, both relative to ``folder`` with ``/`` between the parts.

    Raises:
        ValueError: If two files differ in the capitals of their endings only.
    """
    if backend_args is None:
        files = [os.path.relpath(file, folder) for file in _walk(folder, suffix.lower(), folders)]
    else:
        fileio: Any = import_module('mmengine.fileio')  # which needs torch; an exported network is run without
        files = list(fileio.list_dir_or_file(folder, list_dir=False, recursive=True, backend_args=backend_args))
    found: dict[str, str] = {}
    for file in sorted(file.replace(os.sep, '/') for file in files):
        if file.lower().endswith(suffix.lower()) and not any(part.startswith('.') for part in file.split('/')):
            other = found.setdefault(file[: len(file) - len(suffix)], file)
            if other != file:
                raise ValueError(f'{other} and {file} in {folder} have the same name; one of them must go')
    return found


def _walk(folder: str, suffix: str, folders: list[str] | None) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith('.'):
                continue
            fits = entry.name.lower().endswith(suffix)
            if entry.is_dir():
                if fits and folders is not None:
                    folders.append(entry.path)
                yield from _walk(entry.path, suffix, folders)
            elif fits and entry.is_file():
                yield entry.path


def read_list(path: str) -> list[str]:
    """Read the lines of a list, UTF-8 with or without a byte-order mark, stripped and not empty, whatever their ends.

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
        raise PermissionError(f'ann_file: {path} may not be read; give this user the right to (chmod).') from error
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
    """Cut the longest of ``suffixes`` that ends ``name``, in capitals or not, if any does."""
    for suffix in sorted(suffixes, key=len, reverse=True):
        if suffix and name.lower().endswith(suffix.lower()):
            return name[: -len(suffix)]
    return name
