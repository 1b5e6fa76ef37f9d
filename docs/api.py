"""List what is public: python docs/api.py > docs/api.md."""

import inspect
import sys
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import i2vda_mmseg

_HEAD = """# Public names

What each room's `__all__` names; everything else may change without notice. Tensors, units and the direction of flow
are those of [CONTRIBUTING.md](../CONTRIBUTING.md#conventions). `help(name)` shows arguments, shapes and errors.
"""


def page(link: str = '') -> str:
    """Write the page from the packages' own lists and docstrings.

    Args:
        link: Where a name leads to, with its top-level room and its full name in place of braces; empty: nowhere.
    """
    return '\n'.join([_HEAD, *(section for room in rooms() if (section := _section(room, link)))])


def rooms() -> list[ModuleType]:
    """Import every package that says what is public."""
    found = walk_packages(i2vda_mmseg.__path__, 'i2vda_mmseg.')
    packages = [import_module(info.name) for info in found if info.ispkg]
    return [package for package in packages if hasattr(package, '__all__')]


def public(room: ModuleType) -> list[str]:
    """Name what a room makes public, other than rooms within it."""
    names = [name for name in room.__all__ if not inspect.ismodule(getattr(room, name))]
    return sorted(names, key=str.lower)


def full_name(room: ModuleType, name: str) -> str:
    """Give the path by which a name is found in the source: its file's where a module of the room is named alike."""
    value = getattr(room, name)
    return f'{value.__module__}.{name}' if f'{room.__name__}.{name}' in sys.modules else f'{room.__name__}.{name}'


def first_line(value: Any) -> str:
    """Give the first sentence of a docstring, which may break over lines."""
    return ' '.join((inspect.getdoc(value) or '').partition('\n\n')[0].split())


def _section(room: ModuleType, link: str) -> str:
    names = public(room)
    if not names:
        return ''
    top = room.__name__.split('.')[1]
    links = {name: f'({link.format(top, full_name(room, name))})' for name in names} if link else {}
    rows = [
        f'| {f"[`{name}`]{links[name]}" if link else f"`{name}`"} | {_summary(getattr(room, name))} |' for name in names
    ]
    return f'## `{room.__name__}`\n\n{first_line(room)}\n\n| name | |\n|---|---|\n' + '\n'.join(rows) + '\n'


def _summary(value: Any) -> str:
    if inspect.isclass(value) or inspect.isroutine(value):
        return first_line(value).replace('|', '\\|')
    return f'a {type(value).__name__}'


if __name__ == '__main__':
    print(page(), end='')
