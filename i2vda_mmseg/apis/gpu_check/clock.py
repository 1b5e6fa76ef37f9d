"""Time and memory of a function on a device."""

import os
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from mmengine.optim import OptimWrapperDict
from torch import nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

os.environ.setdefault('KINETO_LOG_LEVEL', '6')  # read at its first use: the profiler speaks of each start otherwise


def milliseconds(function: Callable[[], Any], device: str, times: int = 5) -> float:
    """Median time of a call after one that warms up; of a GPU by its own events."""
    function()
    return statistics.median(_timed(function, device) for _ in range(times))


def _timed(function: Callable[[], Any], device: str) -> float:
    if not device.startswith('cuda'):
        start = time.perf_counter()
        function()
        return 1000 * (time.perf_counter() - start)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    function()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end))


class Occupation(NamedTuple):
    """How busy a device was.

    Attributes:
        share: Of the time from the first kernel to the end of the last one, the part in which one ran.
        longest_gap: The longest time without a kernel, milliseconds: what the device waited for the program.
        kernels: How many ran in a call.
    """

    share: float
    longest_gap: float
    kernels: int


def occupation(function: Callable[[], Any], device: str, times: int = 2) -> Occupation:
    """Watch a function with PyTorch's profiler, which adds to the gaps; on a CPU, kernels are operators."""
    on_gpu = device.startswith('cuda')
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as seen:
        for _ in range(times):
            function()
        if on_gpu:
            torch.cuda.synchronize()
    kind = DeviceType.CUDA if on_gpu else DeviceType.CPU
    events = [event for event in seen.events() or [] if event.device_type == kind]
    spans = [(e.time_range.start, e.time_range.end) for e in events if on_gpu or e.cpu_parent is None]
    share, gap = covered(spans)
    return Occupation(share, gap / 1000, len(spans) // times)


def covered(spans: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Give the share of the whole time that intervals cover together, and the longest gap between them.

    Example:
        >>> covered([(0, 2), (1, 4), (6, 10)])
        (0.8, 2)
    """
    ordered = sorted(spans)
    if not ordered:
        return 0.0, 0.0
    begin, end = ordered[0]
    busy, gap, first = 0.0, 0.0, begin
    for start, stop in ordered[1:]:
        if start > end:
            busy, gap, begin = busy + end - begin, max(gap, start - end), start
        end = max(end, stop)
    return (busy + end - begin) / max(end - first, 1e-9), gap


def peak_bytes(function: Callable[[], Any], model: nn.Module, optimizers: OptimWrapperDict, device: str) -> int:
    """Bytes at the peak of a call: by CUDA's allocator; on a CPU, what was there and what the profiler sees come."""
    if device.startswith('cuda'):
        torch.cuda.reset_peak_memory_stats()
        function()
        torch.cuda.synchronize()
        return int(torch.cuda.max_memory_allocated())
    kept = [*model.parameters(), *model.buffers()]
    for wrapper in optimizers.values():
        kept += [value for state in wrapper.optimizer.state.values() for value in state.values()]
    sizes = {tensor.data_ptr(): tensor.numel() * tensor.element_size() for tensor in kept if torch.is_tensor(tensor)}
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        function()
    live, most = 0, 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == '[memory]':
            live += event.nbytes()
            most = max(most, live)
    return sum(sizes.values()) + most
