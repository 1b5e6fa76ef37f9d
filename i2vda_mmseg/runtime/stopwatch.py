"""Times a network in a process of its own, on demand: python -m i2vda_mmseg.runtime.stopwatch MODEL BATCH H W THREADS.

It says ``{"ready": ...}`` on standard output once the network is loaded and warm; for each line on standard input it
labels one batch and answers with ``{"seconds": ..., "cpu": ...}``; at the end of the input, with ``{"memory": bytes}``,
the most that the process has had in memory.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .networks import RuntimeOptions, open_network

WARM_UP = 2
_KILOBYTE = 1 if sys.platform == 'darwin' else 1024  # ru_maxrss is in bytes there


def serve(step: Callable[[], Any]) -> None:
    """Answer on standard output, as the module says."""
    for _ in range(WARM_UP):
        step()
    _say(ready=True)
    for _ in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        step()
        _say(seconds=time.perf_counter() - start, cpu=time.process_time() - cpu)
    _say(memory=peak_memory())


def peak_memory() -> int:
    """Most bytes that this program has had in memory."""
    status = Path('/proc/self/status')
    if status.is_file():  # getrusage counts what the process was before it became this program
        (line,) = (line for line in status.read_text().splitlines() if line.startswith('VmHWM'))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTE


def example(batch: int, height: int, width: int) -> np.ndarray:
    """Make frames (N, 3, H, W), uint8, of noise, always the same."""
    return np.random.default_rng(0).integers(256, size=(batch, 3, height, width), dtype=np.uint8)


def main(arguments: list[str]) -> None:
    """Load an export and serve."""
    path, *numbers = arguments
    batch, height, width, threads = map(int, numbers)
    network, frames = open_network(path, RuntimeOptions(threads=threads)), example(batch, height, width)
    serve(lambda: network(frames))


def _say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    main(sys.argv[1:])
