"""Errors that concern several rooms, and what they say to people."""

import re
import traceback
from pathlib import Path
from typing import Any

_REGISTRY = re.compile(r'(\S+) is not in the \S+ registry')
_RAW = re.compile(r'<class |\bobject at 0x|\bobject has no attribute\b|\b\w+(Error|Exception)\b|\bNoneType\b')


class ConfigError(ValueError):
    """A mistake in a config, found before anything is built; the message starts with the path of the key."""


class NonFiniteError(ArithmeticError):
    """A loss or a gradient is NaN or infinite; the message names the iteration, the loss terms and the samples."""


def check_choice(key: str, value: object, choices: tuple[object, ...]) -> None:
    """Refuse a setting that is none of its choices.

    Example:
        >>> check_choice('resize_logits', 'thrice', ('once', 'twice'))
        Traceback (most recent call last):
        ...
        i2vda_mmseg.errors.ConfigError: resize_logits must be one of ('once', 'twice'), got 'thrice'
    """
    if value not in choices:
        raise ConfigError(f'{key} must be one of {choices}, got {value!r}')


def explain(error: Exception) -> str | None:
    """Say what a user did wrong, or None where an error is the program's fault.

    A user's mistake is what readers, checks and arguments refuse (``OSError``, ``ValueError``, ``ImportError``), what
    this package refuses on purpose, and what the constructor of a class named by the config does not take.

    Example:
        >>> explain(FileNotFoundError('no config file at a.py')), explain(ZeroDivisionError())
        ('no config file at a.py', None)
    """
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, (OSError, ValueError, ImportError, NonFiniteError)):
        return text or type(error).__name__
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    is_ours = bool(frames) and str(frames[-1].f_globals.get('__name__')).startswith('i2vda_mmseg.')
    if isinstance(error, RuntimeError) and is_ours:
        return text
    built = [frame.f_locals for frame in frames if frame.f_code.co_name == 'build_from_cfg']
    if isinstance(error, (TypeError, KeyError, AssertionError)) and built:
        kind: Any = built[-1].get('obj_type', built[-1].get('cfg'))
        hint = '. If the argument is inherited, start afresh with dict(_delete_=True, type=...)'
        advice = hint if 'unexpected keyword argument' in text else ''
        name = getattr(kind, '__name__', kind)
        return f'{name} cannot be built as the config says: {text or type(error).__name__}{advice}'
    return None


def describe(error: Exception) -> str:
    """Say in one line what is wrong, whatever the error is, for a page that is about something else.

    What a library says to programmers, with names of classes and of errors, is left out: where nothing else is known,
    the line says where the program stopped.

    Example:
        >>> describe(FileNotFoundError(2, 'No such file or directory', 'a.png')), describe(ValueError('no classes'))
        ('a.png: no such file or directory', 'no classes')
        >>> describe(KeyError('LoadHologram is not in the mmseg::transform registry. Please check'))
        'the config names LoadHologram, which no imported package knows; is custom_imports complete?'
    """
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if unknown := _REGISTRY.match(text):
        return f'the config names {unknown[1]}, which no imported package knows; is custom_imports complete?'
    own = text if isinstance(error, (NameError, ArithmeticError)) else ''  # of a config, which is a program
    said = (_plain(error) or explain(error) or own).partition('\n')[0]
    if said and not _RAW.search(said):
        return said
    frames = traceback.extract_tb(error.__traceback__)
    where = f', in {Path(frames[-1].filename).name}, line {frames[-1].lineno}' if frames else ''
    return f'its files hold something that this version of the program cannot take{where}'


def _plain(error: Exception) -> str:
    """What Python's own errors about files mean; '' for others."""
    if isinstance(error, UnicodeDecodeError):
        return f'it is no text in UTF-8 (byte {error.start})'
    if isinstance(error, SyntaxError):
        return f'line {error.lineno}: {error.msg}'
    if isinstance(error, RecursionError):
        return 'it is nested too deeply'
    if isinstance(error, OSError) and error.strerror:
        return f'{error.filename}: {error.strerror.lower()}' if error.filename else error.strerror.lower()
    return ''
