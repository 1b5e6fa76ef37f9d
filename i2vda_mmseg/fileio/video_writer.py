"""Frames to a video file."""

import math
import os
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream

from .atomic import atomic_file

# What browsers play, the first that is there. PyAV from PyPI has both; builds of FFmpeg without GPL code lack H.264.
_ENCODERS = {
    'libx264': dict(preset='veryfast', crf='20'),
    'libvpx-vp9': dict(crf='32', b='0', deadline='realtime', **{'cpu-used': '6', 'row-mt': '1'}),
}
_THREADS = 4
_FINEST = 100_000  # of a frame rate's denominator
_BT601 = 6  # AVCOL_SPC_SMPTE170M; PyAV has no name for it
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


class VideoWriter:
    """Writes frames to an MP4 file that browsers play, which is there only once it is whole; a context manager.

    H.264, or VP9 where the installed PyAV has no H.264; YUV 4:2:0 by BT.601 and marked so, which readers assume that
    know no marks; the index at the front. That takes even sizes only: a frame with an odd height or width gets its last
    row or column twice.

    Args:
        path: File to write; ends in .mp4.
        fps: Frames a second, of any value above 0.

    Raises:
        ValueError: If the name has another ending, or ``fps`` is no such number.
        OSError: If the file cannot be written, or the installed PyAV has neither encoder.
    """

    def __init__(self, path: str | Path, fps: float | Fraction) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() != '.mp4':
            raise ValueError(f'{path}: videos are written as .mp4')
        if not (math.isfinite(fps) and fps > 0):
            raise ValueError(f'{path}: expected a number of frames a second above 0, got {fps}')
        self.fps = fps
        self._files = ExitStack()
        self._output: tuple[OutputContainer, VideoStream] | None = None  # from the first frame on

    def __enter__(self) -> Self:
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append a frame (H, W, 3), uint8, BGR; all of one size.

        Raises:
            ValueError: If it has another size than the first.
            OSError: If it cannot be written.
        """
        height, width = frame.shape[:2]
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), 'edge') if height % 2 or width % 2 else frame
        container, stream = self._output = self._output or self._open(even.shape[1], even.shape[0])
        if even.shape[:2] != (stream.height, stream.width):
            raise ValueError(
                f'{self.path}: a frame of {width}x{height} after ones of {stream.width}x{stream.height} pixels'
            )
        picture = av.VideoFrame.from_ndarray(np.asarray(even, np.uint8), 'bgr24').reformat(
            format='yuv420p', dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG, interpolation=_EXACT
        )
        container.mux(stream.encode(picture))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file; after a failure, or without frames, there is none.

        Raises:
            OSError: If not all of it reached the disk.
        """
        with self._files:  # closes the container, then gives the file its name
            if error is not None:
                raise error
            if self._output is not None:
                container, stream = self._output
                container.mux(stream.encode(None))

    def _open(self, width: int, height: int) -> tuple[OutputContainer, VideoStream]:
        encoder = next((name for name in _ENCODERS if name in av.codecs_available), None)
        if encoder is None:
            raise OSError(
                f'{self.path} cannot be written: the installed PyAV has no {" and no ".join(_ENCODERS)}; install its '
                'wheel: pip install av'
            )
        draft = self._files.enter_context(atomic_file(self.path))
        container = av.open(f'file:{draft}', 'w', format='mp4', options={'movflags': 'faststart'})
        self._files.callback(container.close)
        rate = Fraction(self.fps).limit_denominator(_FINEST)
        stream = cast(VideoStream, container.add_stream(encoder, rate=rate, options=_ENCODERS[encoder]))
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        codec = stream.codec_context
        codec.thread_count = min(_THREADS, os.cpu_count() or 1)
        codec.colorspace, codec.color_range = _BT601, ColorRange.MPEG
        codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return container, stream
