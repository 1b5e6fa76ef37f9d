"""A video in, a video with its segmentation out, with a few frames in memory."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
from mmengine.logging import print_log

from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.evaluation import TemporalConsistency
from i2vda_mmseg.evaluation.consistency_stream import ConsistencyStream
from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.fileio.video_writer import VideoWriter

T = TypeVar('T')


class VideoSummary(NamedTuple):
    """What was made of a video."""

    frames: int
    seconds: float  # wall-clock time of all of it
    tc: list[float] | None  # temporal consistency of each predictor in 0..1, where it was asked for
    flicker: list[float] | None  # share of the valid pixels whose class changes, likewise
    pairs: int  # pairs of consecutive frames
    clips: int  # pairs do not cross from one to the next


def segment_video(
    predictors: FramePredictor | Iterable[FramePredictor],
    source: str | Path,
    out: str | Path | None = None,
    opacity: float = 0.5,
    metrics: Sequence[TemporalConsistency] = (),
    progress: Callable[[int, int], None] | None = None,
) -> VideoSummary:
    """Segment every frame of a video or of a folder of frames.

    Reading, predicting and writing overlap; memory does not grow with the length. Where a folder holds several clips,
    no pair of frames crosses from one to the next.

    Args:
        predictors: One, or several whose results are put side by side.
        source: Video file or folder of frames, see ``FrameSource``.
        out: MP4 file to write, see ``VideoWriter``; None writes none.
        opacity: Of the classes' colours over the frame, in 0..1.
        metrics: Measure temporal consistency and flicker, without labels: one for each predictor, see ``tc_metric``;
            none does not.
        progress: Called with the number of frames done and, as far as it is known, of all frames.

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        ValueError: If it cannot be read or is damaged, has no two consecutive frames where consistency is asked for,
            ``opacity`` is out of range, there are not as many metrics as predictors, or ``out`` is ``source``.
        OSError: If ``out`` cannot be written.
    """
    chosen = [predictors] if isinstance(predictors, FramePredictor) else list(predictors)
    if not 0 <= opacity <= 1:
        raise ValueError(f'opacity must be in 0..1, got {opacity}')
    if metrics and len(metrics) != len(chosen):
        raise ValueError(f'expected one metric for each of the {len(chosen)} predictors, got {len(metrics)}')
    frames = FrameSource(source)
    if frames.warning:
        print_log(f'{source}: {frames.warning}', logger='current', level=logging.WARNING)
    if out and Path(out).exists() and Path(out).samefile(source):
        raise ValueError(f'{out} is the video to segment, which would be lost; write to another file')
    streams = [_stream(metric, predictor) for metric, predictor in zip(metrics, chosen)]
    start = time.monotonic()
    with VideoWriter(out, frames.fps) if out else nullcontext() as writer:
        count = _segment(frames, chosen, streams, writer, opacity, progress or (lambda done, total: None))
    if any(not stream.counts.pairs for stream in streams):
        raise ValueError(
            f'{source} has no two consecutive frames, which temporal consistency needs; in a folder, the names of a '
            "clip's frames differ in their last number only"
        )
    figures = [metric.figures(stream.counts) for metric, stream in zip(metrics, streams)]
    return VideoSummary(
        frames=count,
        seconds=time.monotonic() - start,
        tc=[each['TC'] for each in figures] or None,
        flicker=[each['flicker'] for each in figures] or None,
        pairs=count - len(frames.clip_starts),
        clips=len(frames.clip_starts),
    )


def _segment(
    frames: FrameSource,
    predictors: list[FramePredictor],
    streams: list[ConsistencyStream],
    writer: VideoWriter | None,
    opacity: float,
    progress: Callable[[int, int], None],
) -> int:
    """Label, measure and write frame after frame; reading and writing overlap with it. Gives the number of frames."""
    colours = [_bgr_palette(predictor.palette) for predictor in predictors]
    followers: list[Any] = [*predictors, *streams]
    count, written = 0, None
    with ThreadPoolExecutor(2) as pool:
        for count, frame in enumerate(ahead(frames, pool), start=1):
            if count - 1 in frames.clip_starts:
                for follower in followers:
                    follower.begin_clip()
            predictions = [predictor(frame) for predictor in predictors]
            for stream, prediction in zip(streams, predictions):
                stream.add(prediction, np.ascontiguousarray(frame[..., ::-1]))
            if writer is not None:
                labels = [prediction.cpu().numpy() for prediction in predictions]
                if written is not None:
                    written.result()
                written = pool.submit(_write, writer, frame, list(zip(labels, colours)), opacity)
            progress(count, len(frames))
        if written is not None:
            written.result()
    return count


def ahead(items: Iterable[T], pool: ThreadPoolExecutor) -> Iterator[T]:
    """Make the next item in the background while the current one is used."""
    iterator, end = iter(items), object()
    coming: Future[Any] = pool.submit(next, iterator, end)
    while (item := coming.result()) is not end:
        coming = pool.submit(next, iterator, end)
        yield item


def overlay(frame: np.ndarray, labels: np.ndarray, palette: np.ndarray, opacity: float) -> np.ndarray:
    """Blend the colours of labels (H, W), of a BGR palette (256, 3), over a BGR frame (H, W, 3), all uint8."""
    return cv2.addWeighted(palette[labels], opacity, frame, 1 - opacity, 0)


def _stream(metric: TemporalConsistency, predictor: FramePredictor) -> ConsistencyStream:
    return ConsistencyStream(metric.flow_estimator, len(predictor.palette), metric.switches, metric.flow_size)


def _write(
    writer: VideoWriter, frame: np.ndarray, results: list[tuple[np.ndarray, np.ndarray]], opacity: float
) -> None:
    writer.write(np.hstack([overlay(frame, labels, palette, opacity) for labels, palette in results]))


def _bgr_palette(palette: list[list[int]]) -> np.ndarray:
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = np.array(palette, np.uint8)[:, ::-1]
    return colours
