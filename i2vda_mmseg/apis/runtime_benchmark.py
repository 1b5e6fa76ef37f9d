"""How fast a network runs in PyTorch, compiled and in the runtimes: each in a process of its own, in turn."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from mmengine.config import Config

from i2vda_mmseg.compat import quiet_libraries
from i2vda_mmseg.engine.exported_program import reason
from i2vda_mmseg.engine.frame_network import FrameNetwork
from i2vda_mmseg.environment import WITHOUT_TORCH
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.runtime.stopwatch import example, serve

from .export_runtimes import ExportSettings, export_runtimes

RUNTIMES = {'eager': 'PyTorch', 'compile': 'torch.compile', 'onnx': 'ONNX Runtime', 'openvino': 'OpenVINO'}
_OUTPUTS = ('labels',)  # what a vehicle asks for


class Timing(NamedTuple):
    """One runtime on frames of one size."""

    runtime: str  # of ``RUNTIMES``
    height: int
    width: int
    median: float  # seconds a batch
    p95: float  # seconds, the 95th percentile
    cpu: float  # seconds of processor time a batch, median: less moved by what else the machine does
    frames_per_second: float  # at the median
    memory: float  # bytes, the most of the process
    ratio: float  # how many times as fast as PyTorch: median of the ratios of batches timed one after the other
    cpu_ratio: float  # the same of processor time


class BenchmarkPlan(NamedTuple):
    """What is timed."""

    sizes: tuple[tuple[int, int], ...] = ((512, 1024),)  # (H, W)
    runtimes: tuple[str, ...] = tuple(RUNTIMES)
    threads: int = 2
    batch: int = 1
    rounds: int = 20  # batches of each runtime


def benchmark_runtimes(
    config: Config,
    checkpoint: str | Path,
    folder: Path,
    images: Sequence[np.ndarray],
    plan: BenchmarkPlan = BenchmarkPlan(),  # noqa: B008
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[list[Timing], dict[str, str]]:
    """Export a network and time it in each runtime; the runtimes take turns, so that all meet the same machine.

    Args:
        config: Of a method of single frames.
        checkpoint: Its weights.
        folder: For the exports and the config.
        images: Frames to compare the exports on.
        plan: What is timed.
        progress: Told what is being done.

    Returns:
        A row for each runtime and size, and by runtime why it could not be timed.

    Raises:
        ValueError: If the network cannot be exported.
    """
    write_atomically(config.pretty_text, folder / 'config.py')
    formats = tuple(name for name in plan.runtimes if name in ('onnx', 'openvino'))
    exported: dict[str, Path] = {}
    if formats:
        settings = ExportSettings(formats, _OUTPUTS)
        files = export_runtimes(config, checkpoint, folder / 'network', images, settings, progress)
        exported = dict(zip(formats, files))
    rows, faults = [], {}
    for height, width in plan.sizes:
        with ExitStack() as stack:
            progress(f'starting {len(plan.runtimes)} processes for {width}x{height}')
            workers: dict[str, _Worker] = {}
            for name in dict.fromkeys(('eager', *plan.runtimes)):
                command = _command(name, exported.get(name), folder, checkpoint, plan, (height, width))
                try:
                    workers[name] = stack.enter_context(_Worker(command))
                except RuntimeError as error:
                    faults[name] = str(error)
            times: dict[str, list[tuple[float, float]]] = {name: [] for name in workers}
            for turn in range(plan.rounds):
                progress(f'{width}x{height}: round {turn + 1} of {plan.rounds}')
                for name, worker in workers.items():
                    times[name].append(worker.time())
            for name, worker in workers.items():
                rows.append(_row(name, (height, width), times[name], times['eager'], worker.memory(), plan.batch))
    return rows, faults


class _Worker:
    """A process that times a network when asked."""

    def __init__(self, command: list[str]) -> None:
        environment = {name: value for name, value in os.environ.items() if name != WITHOUT_TORCH}
        if 'i2vda_mmseg.runtime.stopwatch' in command:
            environment[WITHOUT_TORCH] = '1'
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            self._answer('ready')
        except BaseException:
            self._process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()

    def time(self) -> tuple[float, float]:
        """Seconds and processor seconds of one batch."""
        assert self._process.stdin is not None
        self._process.stdin.write('\n')
        self._process.stdin.flush()
        answer = self._answer('seconds')
        return answer['seconds'], answer['cpu']

    def memory(self) -> float:
        """Bytes, the most that the process had; ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._answer('memory')['memory']

    def _answer(self, key: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        for line in self._process.stdout:
            if line.startswith('{') and key in (answer := json.loads(line)):
                return answer
        said = [line.strip() for line in self._process.stderr.read().splitlines() if line.strip()]
        raise RuntimeError(said[-1] if said else 'it ended without a word')


def _command(
    name: str, exported: Path | None, folder: Path, checkpoint: str | Path, plan: BenchmarkPlan, size: tuple[int, int]
) -> list[str]:
    numbers = list(map(str, (plan.batch, *size, plan.threads)))
    if exported is not None:
        return [sys.executable, '-m', 'i2vda_mmseg.runtime.stopwatch', str(exported), *numbers]
    return [
        sys.executable, '-W', 'ignore', '-m', 'i2vda_mmseg.apis.runtime_benchmark', name,
        str(folder / 'config.py'), str(checkpoint), *numbers,
    ]  # fmt: skip


def _row(
    name: str,
    size: tuple[int, int],
    times: list[tuple[float, float]],
    eager: list[tuple[float, float]],
    memory: float,
    batch: int,
) -> Timing:
    seconds, cpu = (np.array(column) for column in zip(*times))
    ratios = (statistics.median(a[i] / max(b[i], 1e-9) for a, b in zip(eager, times)) for i in (0, 1))
    median = float(np.median(seconds))
    p95, middle = float(np.percentile(seconds, 95)), float(np.median(cpu))
    return Timing(name, *size, median, p95, middle, batch / median, memory, *ratios)


def main(arguments: list[str]) -> None:
    """Time PyTorch in this process: eager or compile, config, checkpoint, batch, H, W, threads."""
    name, path, checkpoint, *numbers = arguments
    batch, height, width, threads = map(int, numbers)
    torch.set_num_threads(threads)
    network: Any = FrameNetwork.load(Config.fromfile(path), checkpoint, _OUTPUTS)
    frames = torch.from_numpy(example(batch, height, width))
    if name == 'compile':
        network = torch.compile(network)
    with torch.inference_mode(), quiet_libraries():
        try:
            serve(lambda: network(frames))
        except Exception as error:  # no compiler, or none of its operators
            sys.exit(f'torch.compile cannot compile the network: {reason(error)}' if name == 'compile' else str(error))


if __name__ == '__main__':
    main(sys.argv[1:])
