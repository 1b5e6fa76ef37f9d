"""List what is public: python docs/api.py > docs/api.md."""

import inspect
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import i2vda_mmseg

_HEAD = """# Public names

What each room's `__all__` names; everything else may change without notice. Tensors, units and the direction of flow
are those of [CONTRIBUTING.md](../CONTRIBUTING.md#conventions). `help(name)` shows arguments, shapes and errors.
"""


def page() -> str:
    """Write the page from the packages' own lists and docstrings."""
    return '\n'.join([_HEAD, *(section for room in rooms() if (section := _section(room)))])


def rooms() -> list[ModuleType]:
    """Import every package that says what is public."""
    found = walk_packages(i2vda_mmseg.__path__, 'i2vda_mmseg.')
    packages = [import_module(info.name) for info in found if info.ispkg]
    return [package for package in packages if hasattr(package, '__all__')]


def _section(room: ModuleType) -> str:
    names = [name for name in room.__all__ if not inspect.ismodule(getattr(room, name))]
    if not names:
        return ''
    rows = [f'| `{name}` | {_summary(getattr(room, name))} |' for name in sorted(names, key=str.lower)]
    return f'## `{room.__name__}`\n\n{_first_line(room)}\n\n| name | |\n|---|---|\n' + '\n'.join(rows) + '\n'


def _summary(value: Any) -> str:
    if inspect.isclass(value) or inspect.isroutine(value):
        return _first_line(value).replace('|', '\\|')
    return f'a {type(value).__name__}'


def _first_line(value: Any) -> str:
    """Give the first sentence of a docstring, which may break over lines."""
    return ' '.join((inspect.getdoc(value) or '').partition('\n\n')[0].split())


if __name__ == '__main__':
    print(page(), end='')
