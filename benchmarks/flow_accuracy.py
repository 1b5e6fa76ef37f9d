"""How right flow and the validity mask of Eq. 7 are, against StreetWorld's exact flow and occlusion.

A pair is the labelled frame of a street of its own and the frame before, rendered in memory. The end-point error is in
pixels: over the points that the other frame shows, and over all. A point is truly valid if the other frame
shows it; Eq. 7 is judged on the grid of either frame.

    python benchmarks/flow_accuracy.py [--pairs 20 --sizes 128x256 256x512 --mmflow NAME CHECKPOINT]
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

import i2vda_mmseg  # noqa: F401 - registers the estimators
from i2vda_mmseg.ops import consistency_mask
from i2vda_mmseg.streetworld import exact_flow, render_clip

PRESETS = ('ultrafast', 'fast', 'medium')
COLUMNS = (
    'estimator', 'EPE visible', 'EPE all', 'off by > 3 px', 'frame 1: precision', 'recall', 'frame 0: precision',
    'recall',
)  # fmt: skip


@dataclass
class Pair:
    """Two frames (1, 3, H, W), the exact flows (1, 2, H, W), and which points are visible in the other frame."""

    frame_0: Tensor
    frame_1: Tensor
    flow_01: Tensor
    flow_10: Tensor
    visible_01: Tensor
    visible_10: Tensor


@dataclass
class Score:
    """What was measured of one estimator, pair by pair."""

    epe_visible: list[float] = field(default_factory=list)
    epe_all: list[float] = field(default_factory=list)
    outliers: list[float] = field(default_factory=list)
    counts: np.ndarray = field(default_factory=lambda: np.zeros((2, 3)))  # frame 1 and 0: kept and true, kept, true

    def cells(self) -> list[str]:
        """Write the figures of the table's columns."""
        errors = [f'{np.mean(values):.2f}' for values in (self.epe_visible, self.epe_all)]
        masks = [f'{100 * share:.1f} %' for hit, kept, true in self.counts for share in (hit / kept, hit / true)]
        return [*errors, f'{100 * np.mean(self.outliers):.1f} %', *masks]


def main() -> None:
    """Print one table a size."""
    args = parse_args()
    init_default_scope('mmseg')
    estimators: dict[str, Any] = {f'DIS {preset}': dict(type='DISFlow', preset=preset) for preset in PRESETS}
    for name, checkpoint in args.mmflow:
        estimators[f'MMFlow {name}'] = dict(type='MMFlow', model=name, checkpoint=checkpoint)
    built = {name: build(cfg, args.device) for name, cfg in estimators.items()}
    console = Console(width=max(120, Console().width))
    for height, width in args.sizes:
        pairs = [
            render_pair(seed, (height, width))
            for seed in track(range(args.pairs), f'rendering {height}x{width}', console=Console(stderr=True))
        ]
        table = Table(COLUMNS[0], title=f'{height}x{width}, {args.pairs} pairs')
        for column in COLUMNS[1:]:
            table.add_column(column, justify='right')
        table.add_row('keep every pixel', *keep_all(pairs))
        table.add_row('exact flow', *score(None, pairs).cells())
        for name, estimator in built.items():
            table.add_row(name, *score(estimator, pairs).cells())
        console.print(table)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure flow against StreetWorld's exact flow and occlusion")
    parser.add_argument('--pairs', type=positive, default=20, help='streets to render, one pair of frames each')
    parser.add_argument('--sizes', type=size, nargs='+', default=[(128, 256), (256, 512)], metavar='HxW')
    parser.add_argument(
        '--mmflow', nargs=2, action='append', default=[], metavar=('NAME', 'CHECKPOINT'),
        help='an estimator of mmflow and its weights; may be repeated',
    )  # fmt: skip
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    parser.add_argument('--device', default=device, help='where the networks run; DIS always runs on the CPU')
    return parser.parse_args()


def positive(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number from 1')
    return int(text)


def size(text: str) -> tuple[int, int]:
    """Read a size like 128x256."""
    height, _, width = text.partition('x')
    if not (height.isdecimal() and width.isdecimal() and min(int(height), int(width)) >= 16):
        raise argparse.ArgumentTypeError(f'{text!r} is not a size of at least 16x16 like 128x256')
    return int(height), int(width)


def build(cfg: dict[str, Any], device: str) -> Any:
    """Build an estimator, or leave with what it lacks."""
    if MODELS.get(cfg['type']) is None:
        sys.exit(f'flow_accuracy: this installation has no {cfg["type"]}; leave --mmflow out')
    try:
        return MODELS.build(cfg).to(device)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f'flow_accuracy: {error}')


def render_pair(seed: int, shape: tuple[int, int]) -> Pair:
    """Render one street's last two frames, with what geometry knows."""
    frame_0, frame_1 = render_clip(seed, frames=2, size=shape)
    (flow_01, visible_01), (flow_10, visible_10) = exact_flow(frame_0, frame_1), exact_flow(frame_1, frame_0)
    planes = [torch.from_numpy(a).permute(2, 0, 1)[None].float() for a in (frame_0.rgb, frame_1.rgb, flow_01, flow_10)]
    return Pair(*planes, torch.from_numpy(visible_01)[None], torch.from_numpy(visible_10)[None])


def keep_all(pairs: list[Pair]) -> list[str]:
    """Write what a mask would reach that drops nothing."""
    frames = [pair.visible_10 for pair in pairs], [pair.visible_01 for pair in pairs]
    shares = [f'{100 * float(torch.cat(visible).float().mean()):.1f} %' for visible in frames]
    return ['-', '-', '-', shares[0], '100.0 %', shares[1], '100.0 %']


def score(estimator: Callable[[Tensor, Tensor], Tensor] | None, pairs: list[Pair]) -> Score:
    """Measure an estimator, or the exact flow itself if it is None."""
    result = Score()
    for pair in pairs:
        flow_01, flow_10 = pair.flow_01, pair.flow_10
        if estimator is not None:
            flow_01, flow_10 = estimator(pair.frame_0, pair.frame_1), estimator(pair.frame_1, pair.frame_0)
        for flow, truth, visible in (
            (flow_01, pair.flow_01, pair.visible_01),
            (flow_10, pair.flow_10, pair.visible_10),
        ):
            error = torch.linalg.vector_norm(flow - truth, dim=1)
            result.epe_visible.append(float(error[visible].mean()))
            result.epe_all.append(float(error.mean()))
            result.outliers.append(float((error[visible] > 3).float().mean()))
        for row, (frame, visible) in enumerate((('1', pair.visible_10), ('0', pair.visible_01))):
            kept = consistency_mask(flow_01, flow_10, frame=frame)
            result.counts[row] += [float((kept & visible).sum()), float(kept.sum()), float(visible.sum())]
    return result


if __name__ == '__main__':
    main()
