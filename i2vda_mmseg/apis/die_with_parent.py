"""End when the process ends that started this one: a run that lived on would write beside the one started next.

As a script, which needs the standard library only and starts in 20 ms, it turns into a command that does so:
``python die_with_parent.py PARENT_PID COMMAND...``.
"""

import ctypes
import os
import signal
import sys

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def die_with_parent() -> None:
    """Ask the kernel (Linux) for a SIGKILL at the parent's end; it outlives ``exec``."""
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, int(signal.SIGKILL))


if __name__ == '__main__':
    die_with_parent()
    if os.getppid() != int(sys.argv[1]):  # the parent has ended before it was asked for
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])
