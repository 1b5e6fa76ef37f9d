"""How fast the correlation in plain PyTorch is, and how much memory it needs: FlowNetC's cost volume by default.

Against it: the obvious double loop over displacements on contiguous tensors, timed in turn with it, warm; the ratio is
the median over the pairs. With a CUDA device and mmcv's compiled ops, also mmcv's kernel, timed by CUDA events.

Peak memory is what a call needs at most beyond its inputs, its output included. On a CPU each is called in a fresh
process: the peak of the resident set (VmHWM of /proc/self/status, reset just before the call) less the resident set
before the call, after a call at a small size has loaded what libraries load once. On CUDA it is the allocator's peak.

    python benchmarks/correlation.py [--pairs 9 --shape 1 256 64 128 --max-displacement 10 --dilation-patch 2]
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from i2vda_mmseg.ops import correlation


def main() -> None:
    """Print times, their ratios and memory."""
    args = parse_args()
    torch.manual_seed(0)
    a, b = torch.randn(2, *args.shape, device=args.device).unbind()
    options = (args.max_displacement, args.dilation_patch)
    out = correlation(a, b, *options)
    print(f'torch {torch.__version__}, {device_name(a.device)}, {args.pairs} pairs')
    print(f'features {tuple(a.shape)}, max_displacement {options[0]}, dilation_patch {options[1]}: {tuple(out.shape)}')
    difference = (out - double_loop(a, b, *options)).abs().max() / out.abs().max()
    print(f'largest difference between the two: {difference.item():.1e} of the largest value')
    compare(
        'double loop', lambda: double_loop(a, b, *options), lambda: correlation(a, b, *options), args.pairs, a.device
    )
    leaves = [x.detach().requires_grad_() for x in (a, b)]
    gradient = torch.randn_like(out)
    compare(
        'double loop, forward and backward',
        lambda: double_loop(*leaves, *options).backward(gradient),
        lambda: correlation(*leaves, *options).backward(gradient),
        max(args.pairs // 4, 1),
        a.device,
    )
    compare_mmcv(a, b, options, args.pairs)
    report_memory(args, out)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Time the correlation and measure its memory')
    parser.add_argument('--pairs', type=int, default=9, help='timed pairs of calls')
    parser.add_argument('--shape', type=int, nargs=4, default=(1, 256, 64, 128), metavar=('N', 'C', 'H', 'W'))
    parser.add_argument('--max-displacement', type=int, default=10)
    parser.add_argument('--dilation-patch', type=int, default=2)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()


def double_loop(a: Tensor, b: Tensor, max_displacement: int, dilation_patch: int) -> Tensor:
    """Correlate one displacement after the other."""
    batch, _, height, width = a.shape
    side = 2 * max_displacement + 1
    padded = F.pad(b, (max_displacement * dilation_patch,) * 4)
    out = a.new_empty(batch, side, side, height, width)
    for k in range(side):
        for j in range(side):
            top, left = k * dilation_patch, j * dilation_patch
            out[:, k, j] = (a * padded[:, :, top : top + height, left : left + width]).sum(dim=1)
    return out


def compare(name: str, other: Callable, ours: Callable, pairs: int, device: torch.device) -> None:
    """Time both in turn after one warm-up each, the first of a pair changing with every pair, and print one line."""
    for function in (other, ours):
        function()
    times = []
    for index in range(pairs):
        order = (other, ours) if index % 2 == 0 else (ours, other)
        measured = {function: seconds(function, device) for function in order}
        times.append((measured[other], measured[ours]))
    medians = [statistics.median(column) * 1e3 for column in zip(*times)]
    ratio = statistics.median(slow / fast for slow, fast in times)
    print(f'{name} {medians[0]:.1f} ms, correlation {medians[1]:.1f} ms: {ratio:.1f}x', flush=True)


def seconds(function: Callable, device: torch.device) -> float:
    """Time one call: by CUDA events where there are any."""
    if device.type != 'cuda':
        start = time.perf_counter()
        function()
        return time.perf_counter() - start
    events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
    torch.cuda.synchronize()
    events[0].record()
    function()
    events[1].record()
    torch.cuda.synchronize()
    return events[0].elapsed_time(events[1]) / 1e3


def compare_mmcv(a: Tensor, b: Tensor, options: tuple[int, int], pairs: int) -> None:
    """Compare with mmcv's kernel, or say why not."""
    if a.device.type != 'cuda':
        print(f"mmcv's kernel: not measured, it needs CUDA and this runs on {a.device.type}")
        return
    try:
        from mmcv.ops import Correlation  # noqa: PLC0415  (imports only where the ops were compiled)
    except ImportError as error:
        print(f"mmcv's kernel: not measured, mmcv was installed without its compiled ops ({error})")
        return
    kernel = Correlation(max_displacement=options[0], dilation_patch=options[1])
    difference = (kernel(a, b) - correlation(a, b, *options)).abs().max()
    print(f"largest difference to mmcv's kernel: {difference.item():.1e}")
    compare("mmcv's kernel", lambda: kernel(a, b), lambda: correlation(a, b, *options), pairs, a.device)


def report_memory(args: argparse.Namespace, out: Tensor) -> None:
    """Print the peak memory of both over the size of the output."""
    size = out.numel() * out.element_size() / 2**20
    for function in (double_loop, correlation):
        context = multiprocessing.get_context('spawn')
        with context.Pool(1) as pool:
            peak = pool.apply(peak_memory, (function, args))
        if peak is None:
            print('peak memory: not measured, it takes Linux (/proc/self/clear_refs) or CUDA')
            return
        name = function.__name__.replace('_', ' ')
        print(f'peak memory of {name} {peak:.1f} MiB, {peak / size:.2f} of its output ({size:.1f} MiB)')


def peak_memory(function: Callable, args: argparse.Namespace) -> float | None:
    """Measure what a call needs at most beyond its inputs, in MiB."""
    options = (args.max_displacement, args.dilation_patch)
    with torch.no_grad():
        function(*torch.randn(2, 1, 8, 8, 8, device=args.device).unbind(), *options)  # loads libraries
        a, b = torch.randn(2, *args.shape, device=args.device).unbind()
        if a.device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            function(a, b, *options)
            return (torch.cuda.max_memory_allocated() - before) / 2**20
        try:
            Path('/proc/self/clear_refs').write_text('5')  # forgets the peak so far
        except OSError:
            return None
        before = resident('VmRSS')
        function(a, b, *options)
        return resident('VmHWM') - before


def resident(field: str) -> float:
    """Read the resident set ('VmRSS') or its peak ('VmHWM') of this process, in MiB."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def device_name(device: torch.device) -> str:
    """Name the device as a reader needs it to repeat a figure."""
    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    return f'{device.type}, {torch.get_num_threads()} threads'


if __name__ == '__main__':
    main()
