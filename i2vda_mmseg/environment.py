"""Is what the package stands on installed?"""

from importlib import import_module

_REQUIRED = {'torch': '2.4', 'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmseg': '1.2.2'}
_COMMAND = 'python -m pip install -r requirements.txt -c requirements/constraints.txt'


def check_environment(required: dict[str, str] | None = None) -> None:
    """Raise ImportError, naming the command to run, if a package is missing or too old.

    Args:
        required: Least version by import name; that of this package by default.

    Example:
        >>> check_environment({'math': '0'})
        Traceback (most recent call last):
        ...
        ImportError: i2vda_mmseg cannot tell the version of math. Run: python -m pip install -r requirements.txt -c \
requirements/constraints.txt
    """
    for name, least in (required or _REQUIRED).items():
        try:
            found = getattr(import_module(name), '__version__', None)
        except ImportError as error:
            raise ImportError(f'i2vda_mmseg needs {name} >= {least}: {error}. Run: {_COMMAND}') from error
        if found is None:
            raise ImportError(f'i2vda_mmseg cannot tell the version of {name}. Run: {_COMMAND}')
        if _numbers(found) < _numbers(least):
            raise ImportError(f'i2vda_mmseg needs {name} >= {least}, found {found}. Run: {_COMMAND}')


def _numbers(version: str) -> tuple[int, ...]:
    """Read the leading numbers of a version: '2.13.0+cpu' is (2, 13, 0)."""
    numbers = []
    for part in version.split('+', maxsplit=1)[0].split('.')[:3]:
        digits = ''.join(character for character in part if character.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)
