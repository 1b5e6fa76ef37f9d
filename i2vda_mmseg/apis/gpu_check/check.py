"""All checks of a device in one call."""

import os
import platform
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import torch
from mmengine.device import get_device

from i2vda_mmseg.errors import check_choice
from i2vda_mmseg.evaluation.metrics_file import versions

from .agreement import compare_with_cpu
from .methods import METHODS
from .operators import check_correlation, check_warp
from .ranks import check_ranks
from .speed import measure_speed, predict_memory


class Check(NamedTuple):
    """What was found; each row has ``ok``.

    Attributes:
        about: The machine, the versions, the date.
        operators: Operators with a second way on a GPU.
        agreement: Steps of each method in each precision against the CPU's in float32.
        speed: Steps a second, peak memory, share of the kernels.
        ranks: Two ranks.
    """

    about: dict[str, Any]
    operators: list[dict[str, Any]]
    agreement: list[dict[str, Any]]
    speed: list[dict[str, Any]]
    ranks: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(row['ok'] for row in (*self.operators, *self.agreement, *self.speed, self.ranks))


def check_gpu(
    methods: Sequence[str] = METHODS,
    steps: int = 10,
    predict: bool = True,
    progress: Callable[[str], None] = lambda text: None,
) -> Check:
    """Check the GPU of this machine, or, shorter, its CPU: correctness, two ranks, speed and memory.

    On a GPU speed and memory are of the configs with ResNet-101 at the paper's sizes, on a CPU of those of StreetWorld.
    Data are blank, weights drawn.

    Args:
        methods: Folders of ``configs/``.
        steps: Timed steps.
        predict: Whether peaks are compared with those that the rehearsal predicts, which takes a while for each.
        progress: Told what is being done.

    Raises:
        ConfigError: If a method is unknown.
    """
    for method in methods:
        check_choice('--methods', method, METHODS)
    warnings.simplefilter('ignore')
    device = get_device()
    on_gpu = device.startswith('cuda')
    precisions = available_precisions(device)
    progress('operators')
    operators = [*check_correlation(device, not on_gpu), *check_warp(device, not on_gpu)]
    agreement: list[dict[str, Any]] = []
    speed: list[dict[str, Any]] = []
    for method in methods:
        progress(f'{method}: against the CPU')
        agreement += compare_with_cpu(method, precisions, device)
    for method in methods:
        progress(f'{method}: speed and memory')
        speed += measure_speed(method, precisions, device, small=not on_gpu, steps=steps if on_gpu else min(steps, 2))
    if predict:
        progress('memory that the rehearsal predicts')
        predict_memory(speed, small=not on_gpu, jobs=max(1, (os.cpu_count() or 1) // 2))
    progress('two ranks')
    ranks = check_ranks('i2vda' if 'i2vda' in methods else methods[0], device)
    return Check(about(device), operators, agreement, speed, ranks)


def available_precisions(device: str) -> tuple[str, ...]:
    """Name the precisions that a device trains in."""
    if not device.startswith('cuda'):
        return 'float32', 'bfloat16'
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return ('float32', 'bfloat16', 'float16') if has_bfloat16 else ('float32', 'float16')


def about(device: str) -> dict[str, Any]:
    """Describe the machine."""
    found: dict[str, Any] = dict(date=datetime.now(UTC).strftime('%Y-%m-%d %H:%M UTC'), device='CPU')
    found |= dict(system=platform.platform(), cores=os.cpu_count(), threads=torch.get_num_threads(), **versions())
    if device.startswith('cuda'):
        properties = torch.cuda.get_device_properties(0)
        found.update(
            device=properties.name,
            gpus=torch.cuda.device_count(),
            memory_GiB=round(properties.total_memory / 2**30, 1),
            capability=f'{properties.major}.{properties.minor}',
            cuda=torch.version.cuda,
            cudnn=torch.backends.cudnn.version(),
        )
    return found
