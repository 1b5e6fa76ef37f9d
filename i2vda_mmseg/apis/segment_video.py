"""A video in, a video with its segmentation out, with a few frames in memory."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.logging import print_log

from i2vda_mmseg.engine.frame_predictor import FramePredictor, SmoothedPredictor
from i2vda_mmseg.evaluation import TemporalConsistency
from i2vda_mmseg.evaluation.consistency_stream import ConsistencyStream
from i2vda_mmseg.fileio.atomic import require_another_file
from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.fileio.video_writer import VideoWriter
from i2vda_mmseg.runtime.segment import segment_stream
from i2vda_mmseg.runtime.sinks import Sinks
from i2vda_mmseg.runtime.stop import Stop
from i2vda_mmseg.runtime.video_loop import Cut, bgr_palette, require_masks_apart, take
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
        masks: Folder for the class indices of the first predictor, a grey PNG a frame, in folders and named as the
            frame is below ``source``, or named by its position in the video.
        cut: Which frames are taken; consecutive ones are compared by the metrics, and written to ``out``.
        legend: Name and RGB colour of each class, in a strip below the video; none: no strip, and the video has the
            size of the frames.
        stop: Ends the frames early when told to; what was written is whole.

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        KeyboardInterrupt: If it was told to stop before the first frame.
        ValueError: If it cannot be read or is damaged, has no two consecutive frames where consistency is asked for,
            ``opacity`` is out of range, there are not as many metrics as predictors, or ``out`` or a mask would replace
            what is read.
        OSError: If ``out`` cannot be written.
    """
    chosen = [predictors] if isinstance(predictors, Predictor) else list(predictors)
    if not 0 <= opacity <= 1:
        raise ValueError(f'opacity must be in 0..1, got {opacity}')
    if metrics and len(metrics) != len(chosen):
        raise ValueError(f'expected one metric for each of the {len(chosen)} predictors, got {len(metrics)}')
    folder = None if masks is None else Path(masks)
    frames = _open(source, cut, out, folder)
    streams = [_stream(metric, predictor) for metric, predictor in zip(metrics, chosen)]
    labellers = [_Labeller(predictor, stream) for predictor, stream in zip_longest(chosen, streams)]
    told = None if progress is None else lambda done: progress(done.done, done.total)
    with VideoWriter(out, frames.fps) if out else nullcontext() as writer:
        palettes = [bgr_palette(predictor.palette) for predictor in chosen]
        sinks = Sinks(palettes, opacity, writer, folder, finish=partial(_with_legend, legend=legend))
        made = segment_stream(labellers, (stop or Stop()).until(take(frames, cut)), sinks, progress=told)
    if not made.frames and stop is not None and stop.number:
        raise KeyboardInterrupt
    if not made.frames:
        raise ValueError(f'{source} has no frame from {cut.start} on')
    figures = [_figures(metric, stream, source) for metric, stream in zip(metrics, streams)]
    return VideoSummary(
        frames=made.frames,
        seconds=made.seconds,
        tc=[each['TC'] for each in figures] or None,
        flicker=[each['flicker'] for each in figures] or None,
        pairs=made.frames - made.clips,
        clips=made.clips,
    )


def _open(source: str | Path, cut: Cut, out: str | Path | None, masks: Path | None) -> FrameSource:
    """Open a source, of which nothing that is written may be a part."""
    cut.check()
    frames = FrameSource(source)
    if frames.warning:
        print_log(f'{source}: {frames.warning}', logger='current', level=logging.WARNING)
    if out:
        require_another_file(out, source, 'the video to segment')
    require_masks_apart(frames, masks)
    return frames


class _Labeller:
    """A predictor whose labels are measured, where that is asked for, as they come."""

    def __init__(self, predictor: Predictor, stream: ConsistencyStream | None) -> None:
        self._predictor, self._stream = predictor, stream

    def begin_clip(self) -> None:
        """Forget the frames before."""
        self._predictor.begin_clip()
        if self._stream is not None:
            self._stream.begin_clip()

    def label(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Label frames (H, W, 3), uint8, BGR, one by one: (H, W), uint8, class indices, of each."""
        return [self._label(frame) for frame in frames]

    def _label(self, frame: np.ndarray) -> np.ndarray:
        labels = self._predictor(frame)
        if self._stream is not None:
            self._stream.add(labels, np.ascontiguousarray(frame[..., ::-1]))
        return labels.cpu().numpy()


def _stream(metric: TemporalConsistency, predictor: Predictor) -> ConsistencyStream:
    return ConsistencyStream(metric.flow_estimator, len(predictor.palette), metric.switches, metric.flow_size)


def _figures(metric: TemporalConsistency, stream: ConsistencyStream, source: str | Path) -> dict[str, float]:
    if not stream.counts.pairs:
        raise ValueError(
            f'{source} has no two consecutive frames, which temporal consistency needs; in a folder, the names of a '
            "clip's frames differ in their last number only"
        )
    return metric.figures(stream.counts)


def _with_legend(picture: np.ndarray, legend: Sequence[LegendItem]) -> np.ndarray:
    """Put the legend below a BGR picture."""
    if not legend:
        return picture
    size = max(_LEAST_TEXT, picture.shape[1] // 80)
    return np.vstack([picture, draw_legend(legend, picture.shape[1], size // 2, size)[..., ::-1]])
