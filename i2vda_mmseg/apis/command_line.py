"""How a tool ends: with a sentence for a person, or a traceback for a developer."""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch
from mmengine.logging import MMLogger
from torch.distributed.elastic.multiprocessing.errors import get_error_handler

from i2vda_mmseg.compat import quiet_mmengine
from i2vda_mmseg.errors import NonFiniteError

FLAG, VARIABLE = '--traceback', 'I2VDA_TRACEBACK'
LAUNCHED = 'I2VDA_LAUNCHED'  # set by tools/launch_ranks.py, which says once what several ranks say
_STOPPED = 130  # 128 + SIGINT, as of a shell


def run_tool(main: Callable[[], int | None], mistake: int = 1) -> NoReturn:
    """Run the ``main`` of a tool and exit with what it returns.

    A mistake in a config, a file or an argument is one sentence on standard error; its traceback is in the log of the
    run, if there is one, and on the screen with ``--traceback`` or ``I2VDA_TRACEBACK=1``. Any other error is a defect
    and keeps its traceback.

    Args:
        main: Returns the exit code; None is 0.
        mistake: The exit code of a mistake.
    """
    shows_all = bool(os.environ.get(VARIABLE)) or FLAG in sys.argv
    sys.argv[:] = [argument for argument in sys.argv if argument != FLAG]
    try:
        with quiet_mmengine():
            sys.exit(main() or 0)
    except KeyboardInterrupt:
        if shows_all:
            raise
        sys.exit(_STOPPED)
    except Exception as error:
        sentence = explain(error)
        get_error_handler().record_exception(error if sentence is None else RuntimeError(sentence))
        if sentence is None or shows_all:
            raise
        hint = '' if _write_to_log(error) else f' ({FLAG} shows where)' if not isinstance(error, OSError) else ''
        if LAUNCHED not in os.environ:
            print(f'{Path(sys.argv[0]).stem}: {sentence}{hint}', file=sys.stderr)  # noqa: T201 - this is its purpose
        if torch.distributed.is_initialized():
            leave_at_once(mistake)
        sys.exit(mistake)


def leave_at_once(code: int) -> NoReturn:
    """Leave without the end of the interpreter, at which threads of gloo that are taken down may abort a rank."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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


def _write_to_log(error: Exception) -> bool:
    """Leave the traceback in the file of the run's log, if it has one; without the screen, which has the sentence."""
    if not MMLogger._instance_dict:
        return False
    handlers = MMLogger.get_current_instance().handlers
    files = [handler for handler in handlers if isinstance(handler, logging.FileHandler)]
    text = ''.join(traceback.format_exception(error))
    for handler in files:
        handler.handle(logging.LogRecord('mmengine', logging.ERROR, __file__, 0, text, None, None))
    return bool(files)
