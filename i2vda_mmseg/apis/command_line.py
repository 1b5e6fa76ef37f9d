"""How a tool ends: with a sentence for a person, or a traceback for a developer."""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch
from mmengine.logging import MMLogger
from torch.distributed.elastic.multiprocessing.errors import get_error_handler

from i2vda_mmseg.compat import quiet_mmengine
from i2vda_mmseg.errors import explain

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
