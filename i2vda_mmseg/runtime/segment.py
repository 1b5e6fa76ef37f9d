"""A source of frames in, a video, masks or a page out, whatever labels them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np

from .sinks import Sinks
from .video_loop import Taken, ahead

_KEPT = 1000  # latencies, of the latest frames


class StreamSummary(NamedTuple):
    """What was made of a source."""

    frames: int
    clips: int
    seconds: float  # wall-clock time
    latency: float  # seconds from a live frame's coming to its labels, median; nan where frames are not live
    latency_p95: float  # the 95th percentile


class Labeller(Protocol):
    """What labels frames."""

    def begin_clip(self) -> None:
        """Forget the frames before: the next one continues nothing."""

    def label(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Label frames (H, W, 3), uint8, BGR, of one size, in their order: (H, W), uint8, class indices, of each."""


class Progress(NamedTuple):
    """How far it has come."""

    done: int  # frames
    total: int  # of all frames, as far as it is known, or 0
    latency: float  # of the last frame, in seconds, or nan


def segment_stream(
    labellers: Sequence[Labeller],
    frames: Iterable[Taken],
    sinks: Sinks,
    batch: int = 1,
    fps: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> StreamSummary:
    """Label frame after frame; decoding, the network and encoding overlap, and memory does not grow.

    Args:
        labellers: Label the frames, one after the other; one or several.
        frames: Where they come from.
        sinks: Where labels go.
        batch: How many frames of a clip a labeller is given at once; a live source takes 1.
        fps: Of the video that is written, where frames have times: each is repeated for as long as it was seen. None:
            each is written once.
        progress: Told after each batch.

    Raises:
        ValueError: If a frame cannot be labelled.
        OSError: If something cannot be written.
    """
    start, count, clips, latencies = time.monotonic(), 0, 0, deque[float](maxlen=_KEPT)
    written: Future[None] | None = None
    clock = _Clock(fps)
    with ThreadPoolExecutor(2) as pool:
        for group in ahead(_grouped(frames, batch), pool):
            if group[0].begins:
                clips += 1
                for labeller in labellers:
                    labeller.begin_clip()
            labels = [labeller.label([frame.image for frame in group]) for labeller in labellers]
            latency = time.monotonic() - group[-1].time if group[-1].time else float('nan')
            latencies.append(latency)
            if written is not None:
                written.result()
            times = [clock.times(frame) for frame in group]
            written = pool.submit(_write, sinks, group, list(zip(*labels)), times)
            count += len(group)
            if progress is not None:
                progress(Progress(count, group[-1].total, latency))
        if written is not None:
            written.result()
    seconds = time.monotonic() - start
    figures = np.percentile(latencies, [50, 95]) if latencies else [float('nan')] * 2
    return StreamSummary(count, clips, seconds, float(figures[0]), float(figures[1]))


class _Clock:
    """Tells how often a live frame is written into a video of a fixed rate."""

    def __init__(self, fps: float | None) -> None:
        self.fps = fps
        self._start, self._written = 0.0, 0

    def times(self, frame: Taken) -> int:
        """Number of pictures that are due since the last frame."""
        if self.fps is None or not frame.time:
            return 1
        self._start = self._start or frame.time
        due = round((frame.time - self._start) * self.fps) + 1
        times = max(0, due - self._written)
        self._written += times
        return times


def _grouped(frames: Iterable[Taken], batch: int) -> Iterator[list[Taken]]:
    """Take up to ``batch`` frames of one clip and size at a time."""
    group: list[Taken] = []
    for frame in frames:
        if group and (len(group) == batch or frame.begins or frame.image.shape != group[0].image.shape):
            yield group
            group = []
        group.append(frame)
        if len(group) == batch:
            yield group
            group = []
    if group:
        yield group


def _write(sinks: Sinks, group: list[Taken], labels: list[tuple[np.ndarray, ...]], times: list[int]) -> None:
    for frame, each, repeats in zip(group, labels, times):
        sinks.write(frame, each, repeats)
