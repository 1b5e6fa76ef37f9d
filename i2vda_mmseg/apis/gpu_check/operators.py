"""Operators that have a second way on a GPU: their values and their times."""

from typing import Any

import torch
from torch import Tensor

from i2vda_mmseg.compat import compiled_correlation
from i2vda_mmseg.ops import correlation, warp

from .clock import milliseconds

TOLERANCE = 1e-4  # of the largest value
ADVICE = 'mmcv has no compiled ops: `make cuda-ops` builds them'


def check_correlation(device: str, small: bool) -> list[dict[str, Any]]:
    """Compare the correlation of FlowNetC in plain PyTorch with its formula in float64, and mmcv's with ours."""
    torch.manual_seed(0)
    shape = (1, 16, 12, 20) if small else (1, 256, 64, 128)
    options = (10, 2)  # FlowNetC's: displacements of up to 20 pixels
    a, b = torch.randn(2, *shape).unbind()
    expected = by_formula(a.double(), b.double(), *options)
    a, b = a.to(device), b.to(device)
    rows = [_row('correlation in PyTorch', lambda: correlation(a, b, *options), expected, device)]
    kernel = compiled_correlation()
    if kernel is None or not device.startswith('cuda'):
        return [*rows, dict(operator="mmcv's Correlation", ok=True, note=ADVICE if kernel is None else 'not on a CPU')]
    compiled = kernel(max_displacement=options[0], dilation_patch=options[1])
    return [*rows, _row("mmcv's Correlation", lambda: compiled(a, b), expected, device)]


def check_warp(device: str, small: bool) -> list[dict[str, Any]]:
    """Compare ``warp`` of logits, by one kernel on a GPU, with what it gathers on the CPU."""
    torch.manual_seed(0)
    x = torch.rand(1, 15, *((24, 48) if small else (512, 1024)))
    flow = 20 * torch.randn(1, 2, *x.shape[-2:])
    expected = warp(x, flow)
    x, flow = x.to(device), flow.to(device)
    return [_row('warp', lambda: warp(x, flow), expected.double(), device)]


def _row(name: str, function: Any, expected: Tensor, device: str) -> dict[str, Any]:
    difference = float((function().double().cpu() - expected).abs().max() / expected.abs().max())
    return dict(operator=name, ok=difference <= TOLERANCE, difference=difference, ms=milliseconds(function, device))


def by_formula(a: Tensor, b: Tensor, reach: int, step: int) -> Tensor:
    """Correlate (1, C, H, W) maps displacement by displacement: (1, D, D, H, W)."""
    height, width = a.shape[-2:]
    out = a.new_zeros(2 * reach + 1, 2 * reach + 1, height, width)
    margin = reach * step
    padded = torch.nn.functional.pad(b[0], (margin,) * 4)
    for row in range(2 * reach + 1):
        for column in range(2 * reach + 1):
            top, left = row * step, column * step
            out[row, column] = (a[0] * padded[:, top : top + height, left : left + width]).sum(dim=0)
    return out[None]
