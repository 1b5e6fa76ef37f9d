"""How fast a method trains on the device, how busy that keeps it, and in how much memory."""

import multiprocessing
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.rehearsal.memory import peak_memory

from .clock import occupation, peak_bytes
from .methods import blank_batches, build_steps, leaf

GIB = 2**30
# A peak may lie below the predicted one by a tenth and above it by a fifth, for workspaces of cuDNN, and what is small.
BELOW, ABOVE, SPARE = 0.9, 1.2, 0.1 * GIB
_PATIENCE = 300  # seconds for a prediction


def measure_speed(method: str, precisions: tuple[str, ...], device: str, small: bool, steps: int) -> Iterator[dict]:
    """Time the steps of a method, profile them and measure their peak; a row for each precision."""
    path = leaf(method, small)
    batches = blank_batches(path)
    for precision in precisions:
        yield dict(method=method, precision=precision) | _row(path, precision, device, batches, steps)


def _row(path: str, precision: str, device: str, batches: list[dict[str, Any]], count: int) -> dict[str, Any]:
    try:
        steps = build_steps(path, precision, device, batches)
        for index in range(2):  # optimizers make their state, cuDNN chooses, the allocator grows
            steps.step(index)
        peak = peak_bytes(steps.step, steps.model, steps.optimizers, device)
        seconds = _seconds(steps.step, device, count)
        busy = occupation(steps.step, device)
    except RuntimeError as error:
        return dict(ok=False, error=str(error).splitlines()[0])
    return dict(ok=True, steps_a_second=round(1 / seconds, 3), peak_GiB=round(peak / GIB, 3)) | {
        'kernels_share': round(busy.share, 3),
        'longest_gap_ms': round(busy.longest_gap, 2),
        'kernels': busy.kernels,
    }


def _seconds(step: Any, device: str, count: int) -> float:
    start = time.perf_counter()
    for index in range(count):
        step(index)
    if device.startswith('cuda'):
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / count


def predict_memory(rows: list[dict[str, Any]], small: bool, jobs: int) -> None:
    """Write into each row of ``measure_speed`` the peak that the rehearsal predicts, and judge the measured one."""
    rows = [row for row in rows if 'peak_GiB' in row and row['precision'] != 'float16']
    with multiprocessing.get_context('spawn').Pool(jobs) as pool:  # the fake device cannot be taken back
        cases = [(leaf(row['method'], small), row['precision']) for row in rows]
        for row, result in zip(rows, [pool.apply_async(_predicted, case) for case in cases]):
            try:
                predicted = result.get(_PATIENCE)
            except multiprocessing.TimeoutError:
                row['predicted_GiB'] = None
                continue
            measured = row['peak_GiB'] * GIB
            row['predicted_GiB'] = round(predicted / GIB, 3)
            row['ok'] = BELOW * predicted - SPARE <= measured <= ABOVE * predicted + SPARE


def _predicted(path: str, precision: str) -> int:
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    return peak_memory(load_config(path), precision).total
