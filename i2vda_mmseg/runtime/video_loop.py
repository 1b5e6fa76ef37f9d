"""What labelling a video consists of, whoever labels: frames in their order, taken ahead, colours over them."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

T = TypeVar('T')


class Cut(NamedTuple):
    """Which frames of a source are taken, by their positions from 0."""

    start: int = 0  # the first
    end: int | None = None  # the one after the last; None: all
    every: int = 1  # each that many-th

    def check(self) -> None:
        """Refuse a cut without a frame, by ValueError."""
        if self.start < 0 or self.every < 1 or (self.end is not None and self.end <= self.start):
            raise ValueError(f'no frame is taken with start {self.start}, end {self.end} and every {self.every}')


class Taken(NamedTuple):
    """A frame to segment."""

    name: str  # with its folders as below the source; of a video, its position
    image: np.ndarray  # (H, W, 3), uint8, BGR
    begins: bool  # whether it continues nothing
    total: int = 0  # how many there are, as far as the source knows
    time: float = 0.0  # of a live source: seconds, when it came


def take(frames: Any, cut: Cut) -> Iterator[Taken]:
    """Read a cut of a ``FrameSource``; the first frame of each clip begins one, and so does the first of all."""
    names = [frame.place for clip in frames.clips for frame in clip]
    end = len(frames) if cut.end is None else min(cut.end, len(frames) or cut.end)
    total, begins = max(0, -(-(end - cut.start) // cut.every)), True
    for position, image in enumerate(frames):
        if cut.end is not None and position >= cut.end:
            break
        begins = begins or position in frames.clip_starts
        if position >= cut.start and (position - cut.start) % cut.every == 0:
            yield Taken(names[position] if names else f'{position:06d}', image, begins, total)
            begins = False


def require_masks_apart(frames: Any, folder: Path | None) -> None:
    """Refuse a folder for masks in which one would replace a frame of a ``FrameSource``, by ValueError."""
    if folder is None:
        return
    resolve = cache(os.path.realpath)  # of folders, of which there are few
    known = {(resolve(frame.path.parent), frame.path.name) for clip in frames.clips for frame in clip}
    for frame in (frame for clip in frames.clips for frame in clip):
        mask = mask_path(folder, frame.place)
        if (resolve(mask.parent), mask.name) in known:
            raise ValueError(f'the mask {mask} would replace a frame of the source; write masks to another folder')


def mask_path(folder: Path, name: str) -> Path:
    """Name the file of a frame's mask."""
    return folder / f'{name}.png'


def ahead(items: Iterable[T], pool: ThreadPoolExecutor) -> Iterator[T]:
    """Make the next item in the background while the current one is used."""
    iterator, end = iter(items), object()
    coming: Future[Any] = pool.submit(next, iterator, end)
    while (item := coming.result()) is not end:
        coming = pool.submit(next, iterator, end)
        yield item


def overlay(frame: np.ndarray, labels: np.ndarray, palette: np.ndarray, opacity: float) -> np.ndarray:
    """Blend the colours of labels (H, W), of a BGR palette (256, 3), over a BGR frame (H, W, 3), all uint8."""
    share = round(opacity * 256)
    colours = palette.astype(np.uint16) * share + 128  # fixed point: a multiplication by tables, and a shift
    values = np.arange(256, dtype=np.uint16) * (256 - share)
    return ((colours[labels] + values[frame]) >> 8).astype(np.uint8)


def bgr_palette(palette: Iterable[Iterable[int]]) -> np.ndarray:
    """Turn RGB colours of the classes into a table (256, 3), uint8, BGR; what has no colour is black."""
    colours = np.zeros((256, 3), np.uint8)
    given = np.array([list(colour) for colour in palette], np.uint8)
    colours[: len(given)] = given[:, ::-1]
    return colours
