"""Whether optical flow fits the frames that it was made for, in figures and in pictures."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from torch import Tensor

from i2vda_mmseg.fileio.frame_source import Frame, FrameSource, Pair, spread
from i2vda_mmseg.flow.diagnosis import Diagnosis
from i2vda_mmseg.ops import consistency_mask, inside, warp
from i2vda_mmseg.visualization import SheetRow

from .flow_sources import Flows, open_flow, to_tensor

_DRAWN = 4  # pairs


class Examination(NamedTuple):
    """What was found of a source."""

    title: str  # of the flow
    pairs: int  # looked at
    diagnosis: Diagnosis
    rows: list[SheetRow]  # some of the pairs, for ``visualization.draw_contact_sheet``
    warning: str  # of the source, or ''


def examine_flow(
    source: str | Path,
    folder: Path | None = None,
    count: int = 8,
    size: tuple[int, int] | None = None,
    watched: Callable[[Sequence[Pair]], Iterable[Pair]] = iter,
) -> Examination:
    """Judge the flow of pairs spread over a source of frames.

    Args:
        source: As ``FrameSource`` takes it.
        folder: Flow to check, a cache or .flo/.npy/.png files; None: ``DISFlow`` is estimated.
        count: Pairs to look at, at most.
        size: (H, W) that frames are resized to first; None: as they are, or as the cache was made.
        watched: Goes through the pairs, and may show how far that is.

    Raises:
        ValueError: If something cannot be read, or flow and frames do not belong together.
        OSError: If it is not there.
    """
    frames = FrameSource(source)
    flow = open_flow(folder, frames.pairs())
    pairs, read = spread(flow.pairs, count), reader_of(frames, size or flow.size)
    diagnosis, rows = Diagnosis(), []
    drawn = set(spread(pairs, _DRAWN))
    for pair in watched(pairs):
        frame_0, frame_1 = map(read, pair)
        flows = flow.read(pair, frame_0, frame_1)
        diagnosis.add(frame_0, frame_1, flows.get('F_01'), flows.get('F_10'))
        if pair in drawn:
            rows.append(_sheet_row(pair, frame_0, frame_1, flows))
    return Examination(flow.title, len(pairs), diagnosis, rows, frames.warning)


def reader_of(source: FrameSource, size: tuple[int, int] | None) -> Callable[[Frame], Tensor]:
    """Give what reads a frame as (1, 3, H, W), float32, RGB in 0..255, resized to ``size`` (H, W) if there is one."""

    @lru_cache(maxsize=2)  # a frame may belong to two pairs
    def _read(frame: Frame) -> Tensor:
        image = source.read(frame)[..., ::-1]
        resized = image if size is None else cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
        return to_tensor(np.ascontiguousarray(resized))

    return _read


def _sheet_row(pair: Pair, frame_0: Tensor, frame_1: Tensor, flows: Flows) -> SheetRow:
    """Prepare F_10 to be drawn on the later frame, or F_01 on the earlier one if there is no other."""
    later = 'F_10' in flows
    flow = flows['F_10' if later else 'F_01']
    frame_a, frame_b = (frame_1, frame_0) if later else (frame_0, frame_1)
    valid = consistency_mask(flows['F_01'], flows['F_10']) if len(flows) == 2 else inside(flow)
    pictures = [
        x[0].nan_to_num(0).round().clamp(0, 255).byte().permute(1, 2, 0).numpy() for x in (frame_a, warp(frame_b, flow))
    ]
    return SheetRow(pair[later].name, pictures[0], flow[0].permute(1, 2, 0).numpy(), pictures[1], valid[0].numpy())
