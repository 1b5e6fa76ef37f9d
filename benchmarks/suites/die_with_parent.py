"""Turn into a command that ends when its parent does: ``python die_with_parent.py PARENT_PID COMMAND...``.

A training that outlived a killed benchmark would write into the folder in which the next one goes on.
"""

import ctypes
import os
import signal
import sys


def main() -> None:
    """Ask the kernel for a SIGKILL at the parent's end, and become the command."""
    if sys.platform == 'linux':
        set_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_death_signal, int(signal.SIGKILL))
    if os.getppid() != int(sys.argv[1]):  # the parent has ended before it was asked for
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == '__main__':
    main()
