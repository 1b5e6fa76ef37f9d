"""Check optical flow on the frames it was made for: tools/flow_doctor.py SOURCE [--flow DIR].

Exit code 0: the flow fits best as it is; 1: it does not; 2: it cannot be told, or something is missing.
"""

import argparse
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.fileio.frame_source import SEQUENCES, Frame, FrameSource, Pair, spread
from i2vda_mmseg.fileio.images import is_image_name, write_image
from i2vda_mmseg.flow import DISFlow, FlowCache, read_flow
from i2vda_mmseg.flow.cache import MANIFEST
from i2vda_mmseg.flow.diagnosis import EXPLANATIONS, Diagnosis, Verdict
from i2vda_mmseg.ops import consistency_mask, inside, warp
from i2vda_mmseg.visualization import SheetRow, draw_contact_sheet

SUFFIXES = ('.flo', '.npy', '.png')
DRAWN_PAIRS = 4
Flows = dict[str, Tensor]  # 'F_01', 'F_10' or both -> (1, 2, H, W)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Tell whether optical flow fits its frames, or would fit better reversed, scaled, flipped, ...',
        epilog='Exit code 0: it fits best as it is; 1: it does not; 2: it cannot be told. Names of files: docs/flow.md',
    )
    parser.add_argument(
        'source', type=Path, help=f'data root with {SEQUENCES}, folder of consecutive frames, or video file'
    )
    parser.add_argument(
        '--flow', type=Path, metavar='DIR', help='flow to check, a cache or .flo/.npy/.png files (default: DISFlow)'
    )
    parser.add_argument(
        '--out', type=Path, metavar='FILE', default=Path('work_dirs/flow_doctor.png'), help='contact sheet to write'
    )
    parser.add_argument('--pairs', type=int, default=8, metavar='N', help='pairs to look at, spread over the source')
    parser.add_argument('--size', metavar='HxW', help='resize the frames first (default: as they are; as the cache)')
    return parser.parse_args()


def main() -> int:
    """Read, judge, print and draw."""
    args = parse_args()
    try:
        size = parse_size(args.size) if args.size else None
        if args.pairs < 1:
            raise ValueError(f'--pairs must be at least 1, got {args.pairs}')
        if not is_image_name(args.out):
            raise ValueError(f'--out {args.out} is no picture; let it end in .png')
        source = FrameSource(args.source)
        flow = open_flow(args.flow, source.pairs())
        pairs = spread(flow.pairs, args.pairs)
        diagnosis, rows = examine(pairs, flow, reader_of(source, size or flow.size))
        sheet = draw_contact_sheet(rows, title=f'{flow.title} on {args.source.resolve().name}')
        write_image(args.out, sheet)
    except (ValueError, OSError) as error:
        print(f'flow_doctor: {error}', file=sys.stderr)
        return 2
    verdicts = diagnosis.verdicts()
    Console().print(table_of(verdicts, f'{flow.title}, {len(pairs)} pairs'))
    print(diagnosis.sentence() + (f' {source.warning}.' if source.warning else ''))
    print(f'contact sheet: {args.out}')
    found = {verdict.best for verdict in verdicts.values()}
    if found - {'as given', None}:
        return 1
    return 2 if None in found else 0


def parse_size(text: str) -> tuple[int, int]:
    """Read HxW."""
    if not re.fullmatch(r'[1-9]\d*x[1-9]\d*', text):
        raise ValueError(f'--size {text} is not a size; write height and width like 512x1024')
    height, width = map(int, text.split('x'))
    return height, width


def reader_of(source: FrameSource, size: tuple[int, int] | None) -> Callable[[Frame], Tensor]:
    """Give what reads a frame as (1, 3, H, W), float32, RGB in 0..255, resized to ``size`` (H, W) if there is one."""

    @lru_cache(maxsize=2)  # a frame may belong to two pairs
    def _read(frame: Frame) -> Tensor:
        image = source.read(frame)[..., ::-1]
        resized = image if size is None else cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
        return _tensor(np.ascontiguousarray(resized))

    return _read


class EstimatedFlow:
    """Flow of DIS, in both directions."""

    title = 'DISFlow'
    size = None  # of the frames, where the flow knows it

    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs
        self.estimator = DISFlow()

    def read(self, pair: Pair, frame_0: Tensor, frame_1: Tensor) -> Flows:
        """Estimate."""
        return {'F_01': self.estimator(frame_0, frame_1), 'F_10': self.estimator(frame_1, frame_0)}


class CacheFlow:
    """Flow of a cache made by tools/precompute_flow.py."""

    def __init__(self, folder: Path, pairs: list[Pair]) -> None:
        self.cache = FlowCache(folder)
        self.title, self.size = str(folder), self.cache.size
        self.pairs = [pair for pair in pairs if self._held(pair)]
        if not self.pairs:
            raise ValueError(
                f'the cache {folder} holds none of the {len(pairs)} pairs, such as {pairs[0][0].key} with '
                f'{pairs[0][1].key}; SOURCE must be the data root that it was made for'
            )

    def read(self, pair: Pair, frame_0: Tensor, frame_1: Tensor) -> Flows:
        """Look both directions up."""
        return {name: _tensor(self.cache.read(*keys)) for name, keys in self._held(pair).items()}

    def _held(self, pair: Pair) -> dict[str, tuple[str, str]]:
        keys = {'F_01': (pair[0].key, pair[1].key), 'F_10': (pair[1].key, pair[0].key)}
        return {name: ids for name, ids in keys.items() if self.cache.holds(*ids)}


class FlowFiles:
    """Flow files that are matched to pairs by their names."""

    size = None

    def __init__(self, folder: Path, pairs: list[Pair]) -> None:
        frames = {frame.path.resolve() for pair in pairs for frame in pair}
        self.title = str(folder)
        self.files: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob('*')):
            if path.suffix.lower() in SUFFIXES and path.resolve() not in frames:
                self.files.setdefault(path.stem.removesuffix('_leftImg8bit'), []).append(path)
        self.pairs = [pair for pair in pairs if any(self.names(pair)[d] for d in ('F_01', 'F_10'))]
        if not self.pairs:
            raise ValueError(
                f'no file of {folder} belongs to one of the {len(pairs)} pairs; the first needs '
                f'{pairs[0][1].name}_F10.flo, {pairs[0][1].name}_F01.flo or another name of docs/flow.md'
            )

    def names(self, pair: Pair) -> dict[str, str | None]:
        """Give the names of the pair's files, without endings; None where there is no file."""
        earlier, later = (frame.name for frame in pair)
        number = re.search(r'\d*$', earlier)[0]
        known = {'F_01': (f'{later}_F01', earlier), 'F_10': (f'{later}_F10', f'{later}_{number}_int16_x10')}
        return {d: next((name for name in names if name in self.files), None) for d, names in known.items()}

    def read(self, pair: Pair, frame_0: Tensor, frame_1: Tensor) -> Flows:
        """Read the directions that are there."""
        flows = {}
        for direction, name in self.names(pair).items():
            if name is None:
                continue
            path, *others = self.files[name]
            if others:
                raise ValueError(f'{path} and {others[0]} have the same name; give the folder of one of them')
            flow = _tensor(read_flow(path))
            if flow.shape[-2:] != frame_0.shape[-2:]:
                made, wanted = ('x'.join(map(str, t.shape[-2:])) for t in (flow, frame_0))
                raise ValueError(
                    f'{path} is of {made} (H x W), but the frames are of {wanted}; if the flow was made from resized '
                    f'frames, add --size {made}'
                )
            flows[direction] = flow
        return flows


def open_flow(folder: Path | None, pairs: list[Pair]) -> EstimatedFlow | CacheFlow | FlowFiles:
    """Find out what ``--flow`` names."""
    if folder is None:
        return EstimatedFlow(pairs)
    if not folder.is_dir():
        raise ValueError(f'--flow {folder} is no folder')
    return CacheFlow(folder, pairs) if (folder / MANIFEST).exists() else FlowFiles(folder, pairs)


def examine(
    pairs: list[Pair], flow: EstimatedFlow | CacheFlow | FlowFiles, read: Callable[[Frame], Tensor]
) -> tuple[Diagnosis, list[SheetRow]]:
    """Judge all pairs, and keep some of them to be drawn."""
    diagnosis, rows = Diagnosis(), []
    drawn = set(spread(pairs, DRAWN_PAIRS))
    console = Console(stderr=True)
    for pair in track(pairs, 'checking', console=console, transient=True, disable=not console.is_terminal):
        frame_0, frame_1 = map(read, pair)
        flows = flow.read(pair, frame_0, frame_1)
        diagnosis.add(frame_0, frame_1, flows.get('F_01'), flows.get('F_10'))
        if pair in drawn:
            rows.append(sheet_row(pair, frame_0, frame_1, flows))
    return diagnosis, rows


def sheet_row(pair: Pair, frame_0: Tensor, frame_1: Tensor, flows: Flows) -> SheetRow:
    """Prepare F_10 to be drawn on the later frame, or F_01 on the earlier one if there is no other."""
    later = 'F_10' in flows
    flow = flows['F_10' if later else 'F_01']
    frame_a, frame_b = (frame_1, frame_0) if later else (frame_0, frame_1)
    valid = consistency_mask(flows['F_01'], flows['F_10']) if len(flows) == 2 else inside(flow)
    pictures = [
        x[0].nan_to_num(0).round().clamp(0, 255).byte().permute(1, 2, 0).numpy() for x in (frame_a, warp(frame_b, flow))
    ]
    return SheetRow(pair[later].name, pictures[0], flow[0].permute(1, 2, 0).numpy(), pictures[1], valid[0].numpy())


def table_of(verdicts: dict[str, Verdict], title: str) -> Table:
    """Lay the errors of every explanation side by side."""
    table = Table('explanation', title=title, caption='mean luminance difference after warping, in grey levels')
    for direction in verdicts:
        table.add_column(direction, justify='right')
    for name in EXPLANATIONS:
        cells = [
            f'{"* " if verdict.best == name else ""}{verdict.errors[name]:.2f}' if verdict.errors else '-'
            for verdict in verdicts.values()
        ]
        table.add_row(name, *cells)
    return table


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array).permute(2, 0, 1)[None].float()


if __name__ == '__main__':
    run_tool(main, mistake=2)
