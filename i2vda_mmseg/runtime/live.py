"""Frames that come when they come: a camera, a network stream, a pipe."""

import sys
import time
from collections.abc import Iterator
from threading import Condition, Thread
from typing import Any

import av
import numpy as np

from i2vda_mmseg.fileio.video_reader import FrameConverter

from .video_loop import Taken

PIPE = '-'
STALL = 10.0  # seconds without a frame after which a stream counts as gone
_CAMERAS = {'linux': ('v4l2', '/dev/video{}'), 'darwin': ('avfoundation', '{}')}  # by platform: format and address
_SCHEMES = ('rtsp://', 'rtsps://', 'rtmp://', 'http://', 'https://', 'udp://', 'tcp://', 'srt://')
_PROTOCOLS = 'rtp,rtsp,rtsps,rtmp,http,https,udp,tcp,tls,srt,crypto'  # a playlist may not name files


def is_live(source: str) -> bool:
    """Whether a source is a camera, a network stream or a pipe, and no file.

    Example:
        >>> [is_live(name) for name in ('camera:0', 'rtsp://robot/front', '-', 'drive.mp4')]
        [True, True, True, False]
    """
    return source == PIPE or source.startswith(('camera:', *_SCHEMES))


class LiveSource:
    """Frames of a camera (``camera:0``), a network stream or standard input (``-``), in one clip.

    A source that ends, goes away or stalls ends the frames, and ``fault`` says so: what was made of them is kept.

    Args:
        source: See ``is_live``. A pipe carries any container that can be read forwards, such as Matroska or MPEG-TS.
        drop: Whether frames that come while another is being used are dropped but for the latest, so that nothing
            lags; otherwise none is.
        stall: Seconds without a frame after which a stream counts as gone.

    Attributes:
        fps: Frames a second as the source states, 25 where it states none.
        dropped: Number of frames dropped so far.
        fault: Why the frames ended, or '' if the source said that this is the end.

    Raises:
        OSError: If there is no such camera, or the stream does not answer.
        ValueError: If the number of the camera is none, or what comes is no video.
    """

    def __init__(self, source: str, drop: bool = False, stall: float = STALL) -> None:
        self.source, self.drop, self.stall = source, drop, stall
        self.dropped, self.fault = 0, ''
        self._container = _open(source, stall)
        if not self._container.streams.video:
            raise ValueError(f'{source} sends no video')
        self._stream: Any = self._container.streams.video[0]
        self._stream.thread_type = 'SLICE' if drop else 'AUTO'  # threads by frame hold several back
        rate = self._stream.average_rate
        self.fps = float(rate) if rate else 25.0

    def __iter__(self) -> Iterator[Taken]:
        """Give frame after frame, with the time at which it was decoded (``time.monotonic``)."""
        frames = self._latest() if self.drop else self._frames()
        for number, (image, moment) in enumerate(frames):
            yield Taken(f'{number:06d}', image, begins=number == 0, time=moment)

    def _frames(self) -> Iterator[tuple[np.ndarray, float]]:
        convert = FrameConverter()
        try:
            for frame in self._container.decode(self._stream):
                moment = time.monotonic()
                yield convert(frame), moment
        except (av.FFmpegError, OSError) as error:
            self.fault = f'{self.source} went away or stalled ({error.strerror or error})'
        finally:
            self._container.close()

    def _latest(self) -> Iterator[tuple[np.ndarray, float]]:
        """Decode in a thread of its own, and give what came last."""
        slot = _Slot()
        Thread(target=self._fill, args=(slot,), daemon=True, name='live').start()
        while True:
            item, missed = slot.take(self.stall + 2.0)
            self.dropped += missed
            if item is None:
                self.fault = self.fault or slot.fault
                return
            yield item

    def _fill(self, slot: '_Slot') -> None:
        try:
            for item in self._frames():
                slot.put(item)
        except Exception as error:  # told where the frames are taken
            self.fault = f'{self.source} could not be read on ({error})'
        finally:
            slot.put(None)


class _Slot:
    """Room for one frame between two threads."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._item: Any = None
        self._is_full = self._has_ended = False
        self._missed = 0
        self.fault = ''

    def put(self, item: Any) -> None:
        """Lay down a frame in the place of one that nobody took; None: there will be no more."""
        with self._changed:
            if item is None:
                self._has_ended = True
            else:
                self._missed += self._is_full
                self._item, self._is_full = item, True
            self._changed.notify()

    def take(self, seconds: float) -> tuple[Any, int]:
        """Wait for a frame; gives it, or None at the end, and how many were missed before it."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._is_full or self._has_ended, seconds)
            if not came:
                self.fault = f'no frame for {seconds:.0f} s'
            item, missed = (self._item, self._missed) if self._is_full else (None, 0)
            self._item, self._is_full, self._missed = None, False, 0
            return item, missed


def _open(source: str, stall: float) -> Any:
    try:
        if source == PIPE:
            return av.open(sys.stdin.buffer)
        if source.startswith('camera:'):
            kind, address = _camera(source)
            return av.open(address, format=kind, timeout=(stall, stall))
        options = {'protocol_whitelist': _PROTOCOLS}
        if source.startswith('rtsp'):
            options['rtsp_transport'] = 'tcp'  # frames of UDP come damaged where packets are lost
        return av.open(source, options=options, timeout=(stall, stall))
    except (av.FFmpegError, OSError) as error:
        what = 'sends nothing that can be read as a video' if source == PIPE else 'does not answer'
        raise OSError(f'{source} {what} ({getattr(error, "strerror", None) or error})') from error


def _camera(source: str) -> tuple[str | None, str]:
    """Format and address of a camera, by the system's own interface."""
    number = source.removeprefix('camera:')
    if not number.isdecimal():
        raise ValueError(f'{source}: expected the number of a camera, as in camera:0')
    if sys.platform not in _CAMERAS:
        raise ValueError(f'{source}: cameras are read on Linux and macOS; elsewhere let ffmpeg send it through a pipe')
    kind, address = _CAMERAS[sys.platform]
    return kind, address.format(number)
