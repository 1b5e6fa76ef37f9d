"""Is what the package stands on installed?"""

import os
import re
from importlib import import_module
from importlib.metadata import distributions
from importlib.util import find_spec

WITHOUT_TORCH = 'I2VDA_WITHOUT_TORCH'  # set to 1: keep torch out of memory where it is installed
_REQUIRED = {'torch': '2.4', 'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmseg': '1.2.2'}
_MAINTAINED = "pip install 'onedl-mmengine>=0.10.12' 'onedl-mmcv>=2.3.6' 'onedl-mmsegmentation>=1.4.2'"
_OFFICIAL = "pip install 'mmengine>=0.10.7' 'mmcv>=2.1.0,<2.2' 'mmsegmentation>=1.2.2'"


def check_environment(required: dict[str, str] | None = None) -> None:
    """Raise ImportError, naming the command to run, if a package is missing or too old.

    Args:
        required: Least version by import name; that of this package by default.
    """
    for name, least in (required or _REQUIRED).items():
        try:
            found = getattr(import_module(name), '__version__', None)
        except ImportError as error:
            raise ImportError(f'i2vda_mmseg needs {name} >= {least}: {error}. Run: {_command(name, least)}') from error
        if found is None:
            raise ImportError(f'i2vda_mmseg cannot tell the version of {name}')
        if _numbers(found) < _numbers(least):
            raise ImportError(f'i2vda_mmseg needs {name} >= {least}, found {found}. Run: {_command(name, least)}')


def runs_without_torch() -> bool:
    """Whether there is no torch, or the variable ``I2VDA_WITHOUT_TORCH`` keeps it out: only exported networks run."""
    return os.environ.get(WITHOUT_TORCH) == '1' or find_spec('torch') is None


def _command(name: str, least: str) -> str:
    """Say what to install, in the family of mm-packages that is there: the two own the same folders."""
    if not name.startswith('mm'):
        return f"pip install '{name}>={least}'"
    installed = {each.metadata['Name'] for each in distributions()}
    return _OFFICIAL if installed & {'mmengine', 'mmcv', 'mmsegmentation'} else _MAINTAINED


def _numbers(version: str) -> tuple[int, ...]:
    """Read the leading numbers of a version: '2.13.0+cpu' is (2, 13, 0)."""
    found = [re.match(r'\d+', part) for part in version.split('+', maxsplit=1)[0].split('.')[:3]]
    return tuple(int(digits.group()) if digits else 0 for digits in found)
