"""What lies in a folder, and what a list file asks for."""

from collections.abc import Iterable
from pathlib import Path

from mmengine import fileio


def list_names(folder: str, suffix: str, backend_args: dict | None = None) -> list[str]:
    """Names of all files below a folder that end in ``suffix``.

    Args:
        folder: Folder to walk, sub-folders included.
        suffix: Ending to look for; it is cut off the names.
        backend_args: File backend of mmengine; the local disk by default.

    Returns:
        Sorted names relative to ``folder``, with ``/`` between the parts and without ``suffix``.
    """
    files = fileio.list_dir_or_file(folder, list_dir=False, suffix=suffix, recursive=True, backend_args=backend_args)
    return sorted(file.replace('\\', '/')[: -len(suffix)] for file in files)


def read_list(path: str) -> list[str]:
    """Read the non-empty lines of a list file, stripped, whatever its line ends.

    Args:
        path: Text file, one sample a line.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file names nothing.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'ann_file: no such list file: {path}\n'
            "It is looked for below data_root unless it is absolute; leave ann_file='' to use all labelled frames."
        )
    lines = [line.strip() for line in Path(path).read_text(encoding='utf-8-sig').splitlines()]
    names = [line.replace('\\', '/').removeprefix('./') for line in lines if line]
    if not names:
        raise ValueError(f"ann_file: {path} names no sample; write one a line, or leave ann_file=''.")
    return names


def strip_suffix(name: str, suffixes: Iterable[str]) -> str:
    """Cut the longest of ``suffixes`` that ends ``name``, if any does."""
    for suffix in sorted(suffixes, key=len, reverse=True):
        if suffix and name.endswith(suffix):
            return name[: -len(suffix)]
    return name
