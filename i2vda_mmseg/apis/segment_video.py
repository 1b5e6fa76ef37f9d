"""A video in, a video with its segmentation out, with a few frames in memory."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.logging import print_log

from i2vda_mmseg.engine.frame_predictor import FramePredictor, SmoothedPredictor
from i2vda_mmseg.evaluation import TemporalConsistency
from i2vda_mmseg.evaluation.consistency_stream import ConsistencyStream
from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.fileio.images import write_image
from i2vda_mmseg.fileio.video_writer import VideoWriter
from i2vda_mmseg.runtime.stop import Stop
from i2vda_mmseg.runtime.video_loop import Cut, Taken, ahead, bgr_palette, overlay, take
from i2vda_mmseg.visualization.label_colors import LegendItem, draw_legend

Predictor = FramePredictor | SmoothedPredictor
_LEAST_TEXT = 12  # pixels


class VideoSummary(NamedTuple):
    """What was made of a video."""

    frames: int
    seconds: float  # wall-clock time of all of it
    tc: list[float] | None  # temporal consistency of each predictor in 0..1, where it was asked for
    flicker: list[float] | None  # share of the valid pixels whose class changes, likewise
    pairs: int  # pairs of consecutive frames
    clips: int  # pairs do not cross from one to the next


def segment_video(
    predictors: Predictor | Iterable[Predictor],
    source: str | Path,
    out: str | Path | None = None,
    opacity: float = 0.5,
    metrics: Sequence[TemporalConsistency] = (),
    progress: Callable[[int, int], None] | None = None,
    masks: str | Path | None = None,
    cut: Cut = Cut(),  # noqa: B008 - it cannot be changed
    legend: Sequence[LegendItem] = (),
    stop: Stop | None = None,
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
        masks: Folder for the class indices of the first predictor, a grey PNG a frame, named as the frame is or by its
            position in the video.
        cut: Which frames are taken; consecutive ones are compared by the metrics, and written to ``out``.
        legend: Name and RGB colour of each class, in a strip below the video; none: no strip, and the video has the
            size of the frames.
        stop: Ends the frames early when told to; what was written is whole.

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        KeyboardInterrupt: If it was told to stop before the first frame.
        ValueError: If it cannot be read or is damaged, has no two consecutive frames where consistency is asked for,
            ``opacity`` is out of range, there are not as many metrics as predictors, or ``out`` is ``source``.
        OSError: If ``out`` cannot be written.
    """
    chosen = [predictors] if isinstance(predictors, Predictor) else list(predictors)
    if not 0 <= opacity <= 1:
        raise ValueError(f'opacity must be in 0..1, got {opacity}')
    if metrics and len(metrics) != len(chosen):
        raise ValueError(f'expected one metric for each of the {len(chosen)} predictors, got {len(metrics)}')
    cut.check()
    frames = FrameSource(source)
    if frames.warning:
        print_log(f'{source}: {frames.warning}', logger='current', level=logging.WARNING)
    if out and Path(out).exists() and Path(out).samefile(source):
        raise ValueError(f'{out} is the video to segment, which would be lost; write to another file')
    streams = [_stream(metric, predictor) for metric, predictor in zip(metrics, chosen)]
    start = time.monotonic()
    with VideoWriter(out, frames.fps) if out else nullcontext() as writer:
        sinks = _Sinks(writer, opacity, None if masks is None else Path(masks), legend)
        count, clips = _segment(
            (stop or Stop()).until(take(frames, cut)), chosen, streams, sinks, progress or (lambda done, total: None)
        )
    if not count:
        if stop is not None and stop.number:
            raise KeyboardInterrupt
        raise ValueError(f'{source} has no frame from {cut.start} on')
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
        pairs=count - clips,
        clips=clips,
    )


class _Sinks(NamedTuple):
    """Where results go."""

    writer: VideoWriter | None
    opacity: float
    masks: Path | None
    legend: Sequence[LegendItem]


def _segment(
    taken: Iterator[Taken],
    predictors: list[Predictor],
    streams: list[ConsistencyStream],
    sinks: _Sinks,
    progress: Callable[[int, int], None],
) -> tuple[int, int]:
    """Label, measure and write frame after frame; reading and writing overlap with it. Gives frames and clips."""
    colours = [bgr_palette(predictor.palette) for predictor in predictors]
    followers: list[Any] = [*predictors, *streams]
    count, clips, written = 0, 0, None
    with ThreadPoolExecutor(2) as pool:
        for count, frame in enumerate(ahead(taken, pool), start=1):
            if frame.begins:
                clips += 1
                for follower in followers:
                    follower.begin_clip()
            predictions = [predictor(frame.image) for predictor in predictors]
            for stream, prediction in zip(streams, predictions):
                stream.add(prediction, np.ascontiguousarray(frame.image[..., ::-1]))
            if sinks.writer is not None or sinks.masks is not None:
                labels = [prediction.cpu().numpy() for prediction in predictions]
                if written is not None:
                    written.result()
                written = pool.submit(_write, sinks, frame, list(zip(labels, colours)))
            progress(count, frame.total)
        if written is not None:
            written.result()
    return count, clips


def _stream(metric: TemporalConsistency, predictor: Predictor) -> ConsistencyStream:
    return ConsistencyStream(metric.flow_estimator, len(predictor.palette), metric.switches, metric.flow_size)


def _write(sinks: _Sinks, frame: Taken, results: list[tuple[np.ndarray, np.ndarray]]) -> None:
    if sinks.writer is not None:
        pictures = [overlay(frame.image, labels, palette, sinks.opacity) for labels, palette in results]
        sinks.writer.write(_with_legend(np.hstack(pictures), sinks.legend))
    if sinks.masks is not None:
        write_image(sinks.masks / f'{frame.name}.png', results[0][0])


def _with_legend(picture: np.ndarray, legend: Sequence[LegendItem]) -> np.ndarray:
    """Put the legend below a BGR picture."""
    if not legend:
        return picture
    size = max(_LEAST_TEXT, picture.shape[1] // 80)
    return np.vstack([picture, draw_legend(legend, picture.shape[1], size // 2, size)[..., ::-1]])
