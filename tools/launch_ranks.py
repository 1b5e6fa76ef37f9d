"""What tools/dist_train.sh runs: torchrun, with its arguments, but with exit code 75 when it was asked to stop."""

import os
import signal
import sys
from typing import Any

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.run import main as torchrun

PREEMPTED = 75  # that of i2vda_mmseg.engine.hooks.preemption_hook, which takes seconds to import


def main() -> None:
    """Run torchrun, which hands SIGTERM on to the ranks and waits for them."""
    signal.signal(signal.SIGUSR1, hand_on)
    try:
        torchrun(sys.argv[1:])
    except SignalException as asked:
        sys.exit(PREEMPTED if asked.sigval == signal.SIGTERM else 128 + asked.sigval)


def hand_on(number: int, frame: Any) -> None:
    """Take SIGUSR1, which torchrun does not know, for SIGTERM."""
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == '__main__':
    main()
