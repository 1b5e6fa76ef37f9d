"""Reading files of ``torch.save`` without running what is in them, and telling damaged ones from whole ones."""

import re
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, print_log
from torch import Tensor

from i2vda_mmseg.compat import loading_with

_ZIP = b'PK\x03\x04'
_LEGACY = bytes.fromhex('80028a0a6cfc9c46f9206aa850192e')  # the number that torch.save began with before torch 1.6
_STATISTICS = ('min', 'max', 'current', 'mean')
_NUMBERS = ('bool', 'uint8', 'uint32', 'int32', 'int64', 'float32', 'float64')

_trusting = ContextVar('trusting', default=False)


class DamagedCheckpointError(ValueError):
    """A file that is not what was written, or no checkpoint at all."""


class UntrustedCheckpointError(ValueError):
    """A file that holds more than tensors and plain data."""


def trust_checkpoints(trust: bool = True) -> None:
    """Allow, from now on, checkpoints whose loading runs code: what ``--trust-checkpoint`` does."""
    _trusting.set(trust)


def read_checkpoint(path: str | Path | BinaryIO, map_location: Any = 'cpu') -> Any:
    """Load a file of ``torch.save``: intact, and tensors and plain data only.

    All loading by our tools, runners and hooks goes through here, mmengine's included, see ``safe_loading``. mmengine
    itself unpickles fully what it cannot load safely, and its list of harmless globals holds ``getattr``, with which a
    file gets hold of ``exec``; the list here does not. The key ``meta.config``, which ``Runner.resume`` would run as
    Python, is dropped.

    Args:
        path: File, or a binary file object.
        map_location: As in ``torch.load``.

    Raises:
        FileNotFoundError: If there is no such file.
        DamagedCheckpointError: If the file is truncated, damaged or no checkpoint.
        UntrustedCheckpointError: If loading would run code, and ``trust_checkpoints`` was not called.
    """
    if isinstance(path, (str, Path)) and not (path := Path(path).expanduser()).is_file():
        raise FileNotFoundError(f'no checkpoint at {path}')
    _check_intact(path)
    try:
        content = _load_safely(path, map_location)
    except UnpicklingError as error:
        content = _load_if_trusted(path, map_location, error)
    except (RuntimeError, EOFError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DamagedCheckpointError(f'{path} is damaged: it cannot be loaded ({first_line(error)})') from error
    if not _trusting.get() and isinstance(content, dict) and isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


def safe_loading() -> AbstractContextManager[None]:
    """Let mmengine load through ``read_checkpoint`` in a ``with`` block.

    That is ``load_from``, ``init_cfg``, resuming, ``load_checkpoint`` and downloads.
    """
    return loading_with(read_checkpoint)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of a published checkpoint, whatever wraps them, without running code from it.

    Raises:
        ValueError: If the file holds no weights, or other things beside them.
    """
    checkpoint = read_checkpoint(path)
    for wrapper in ('state_dict', 'model_state_dict', 'model'):
        if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get(wrapper), Mapping):
            checkpoint = checkpoint[wrapper]
    if not isinstance(checkpoint, Mapping) or not checkpoint:
        raise ValueError('no weights in the file')
    if strangers := [str(key) for key, value in checkpoint.items() if not isinstance(value, Tensor)]:
        raise ValueError(f'{strangers[:3]} are no weights')
    return {str(key).removeprefix('module.'): value for key, value in checkpoint.items()}


def _check_intact(path: str | Path | BinaryIO) -> None:
    """Compare a file with the checksums in it, which ``torch.load`` does not look at; those before torch 1.6 have none.

    Raises:
        DamagedCheckpointError: If the file is empty, truncated, damaged, or was not written by ``torch.save``.
    """
    name = path if isinstance(path, (str, Path)) else 'the checkpoint'
    with open(path, 'rb') if isinstance(path, (str, Path)) else nullcontext(path) as file:
        start = file.read(len(_LEGACY))
        if not start.startswith((_ZIP, _LEGACY)):
            what = f'it starts with {start[:4]!r}' if start else 'it is empty'
            raise DamagedCheckpointError(f'{name} is damaged or no checkpoint: {what}')
        if start.startswith(_ZIP):
            try:
                with zipfile.ZipFile(file) as archive:
                    fault = archive.testzip()
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
                raise DamagedCheckpointError(f'{name} is damaged or truncated: {first_line(error)}') from error
            if fault is not None:
                raise DamagedCheckpointError(f'{name} is damaged: the checksum of {fault} does not fit')
        file.seek(0)


def _load_safely(path: str | Path | BinaryIO, map_location: Any) -> Any:
    with torch.serialization.safe_globals(_harmless()):
        return torch.load(path, map_location=map_location, weights_only=True)


def _load_if_trusted(path: str | Path | BinaryIO, map_location: Any, error: UnpicklingError) -> Any:
    if not _trusting.get():
        raise UntrustedCheckpointError(
            f'{path} holds more than tensors and plain data, and loading it would run code from the file '
            f'({_reason(error)}). If you trust where it comes from, pass --trust-checkpoint (in Python: '
            'i2vda_mmseg.engine.checkpoints.trust_checkpoints())'
        ) from error
    print_log(f'{path} is loaded with the code in it, as --trust-checkpoint says', logger='current')
    if not isinstance(path, (str, Path)):
        path.seek(0)
    return torch.load(path, map_location=map_location, weights_only=False)


def _harmless() -> list[Any]:
    """What our own checkpoints name beyond torch's own list: NumPy's numbers and mmengine's histories."""
    core = getattr(np, '_core', None) or np.core
    array = {name: getattr(core.multiarray, name) for name in ('_reconstruct', 'scalar')}
    both = [(f, f'numpy.{where}.multiarray.{name}') for name, f in array.items() for where in ('core', '_core')]
    dtypes = [type(np.dtype(name)) for name in _NUMBERS]
    return [*both, np.ndarray, np.dtype, *dtypes, HistoryBuffer, (_statistic, 'builtins.getattr')]


def _statistic(owner: Any, name: Any) -> Any:
    """Stand in for ``getattr``, by which a HistoryBuffer names its statistics, and for nothing else."""
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise UnpicklingError(f'a checkpoint must not ask for attribute {name!r}')
    return getattr(owner, name)


def _reason(error: UnpicklingError) -> str:
    """Find in torch's page of advice what it refused."""
    text = str(error)
    if found := re.search(r'GLOBAL (\S+)', text):
        return f'it names {found[1]}'
    lines = [line.strip() for line in text.partition('Check the documentation')[0].splitlines() if line.strip()]
    return lines[-1].rpartition('WeightsUnpickler error: ')[2].partition('. ')[0] if lines else 'no reason given'


def first_line(error: Exception) -> str:
    """What an error says, without the pages of advice that may follow."""
    return (str(error) or type(error).__name__).splitlines()[0]
