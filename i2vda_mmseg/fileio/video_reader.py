"""Frames from a video file, in their order or by their position."""

import os
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from .reading import check_file
from .video_tally import FrameTally, codec_name

DEFAULT_FPS = 17.0  # of Cityscapes sequences, for what states no rate, such as a folder of frames

# Containers by their content, whatever the file is called; FFmpeg would also follow a playlist to addresses elsewhere.
_CONTAINERS = 'mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,ivf,flv,ogg,asf,mxf'
_OPTIONS = {'format_whitelist': _CONTAINERS, 'protocol_whitelist': 'file'}
_THREADS = 4
_SEEKABLE = ('mov', 'matroska', 'avi', 'mpegts', 'flv')  # program streams land within a group of pictures
_SEEK_BACK = (0, 1, 4, 16)  # seconds before a frame at which to look for what it is decoded from
_WORTH_SEEKING = 16  # frames: fewer are decoded
_OTHER_CODEC = 'Encode it anew: ffmpeg -i FILE -c:v libx264 other.mp4'


class VideoReader:
    """A video file as numbered frames, upright, in memory one at a time.

    Frames are read by FFmpeg (PyAV). The order is that of presentation, from 0; how long each is shown is not looked
    at. Colours are converted as the file says, by BT.601 where it says nothing; a rotation or mirroring that the file
    asks for is carried out.

    Args:
        path: MP4, MOV, Matroska, WebM, AVI, MPEG program or transport stream, FLV, Ogg, ASF or MXF, whatever its
            ending.

    Attributes:
        fps: Frames a second, the average where the rate varies; 0 if unknown.
        frames: Number of frames that the file lists or seems to have; it may be wrong, and is 0 if unknown.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is a folder or may not be read.
        ValueError: If it is no video, incomplete from its beginning, or of a codec that is not there to decode it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        decoding = _Decoding(self.path)
        decoding.survey()
        self.fps, self.frames = decoding.tally.rate(), decoding.tally.frames()
        self._times: list[int | None] = []  # when the frames known so far are presented
        self._forward: Iterator[VideoFrame] | None = None  # decodes on where the known frames end
        self._sought: tuple[Iterator[VideoFrame], int] | None = None  # decodes after a seek; the position that is next
        self._convert = FrameConverter()
        decoding.container.close()

    def __len__(self) -> int:
        """Number of frames as stated, see ``frames``."""
        return self.frames

    def __iter__(self) -> Iterator[np.ndarray]:
        """Read frame after frame from the beginning: (H, W, 3), uint8, BGR.

        Raises:
            ValueError: At the end, if frames are missing or could not be decoded.
        """
        convert = FrameConverter()
        return (convert(frame) for frame in _Decoding(self.path).frames())

    def count(self) -> int:
        """Number of frames that can be decoded; decodes all, once.

        Raises:
            ValueError: If frames are missing or cannot be decoded.
        """
        for _ in self._unknown():
            pass
        return len(self._times)

    def read(self, position: int) -> np.ndarray:
        """Read the frame that iterating gives at ``position``, from 0, fastest in order: (H, W, 3), uint8, BGR.

        A position that no call has come by yet is reached by decoding all frames before it; any other by seeking.

        Raises:
            IndexError: If there is no such frame.
            ValueError: If frames are missing or cannot be decoded.
        """
        if position >= len(self._times):
            for frame in self._unknown():
                if len(self._times) == position + 1:
                    return self._convert(frame)
        if not 0 <= position < len(self._times):
            raise IndexError(f'{self.path} has {len(self._times)} frames; there is none at position {position}')
        if self._sought is None or not 0 <= position - self._sought[1] <= _WORTH_SEEKING:
            self._sought = self._seek(position)
        frames, following = self._sought
        for _ in range(position - following):
            next(frames)
        self._sought = frames, position + 1
        return self._convert(next(frames))

    def _unknown(self) -> Iterator[VideoFrame]:
        """Decode on from the last frame known."""
        if self._forward is None:
            self._forward = _Decoding(self.path).frames()
        for frame in self._forward:
            self._times.append(frame.pts)
            yield frame

    def _seek(self, position: int) -> tuple[Iterator[VideoFrame], int]:
        """Give frames from ``position`` on, or, where the file has no use for times, from the beginning."""
        times = [time for time in self._times if time is not None]
        if len(times) == len(self._times) and all(a < b for a, b in pairwise(times)):
            for seconds in _SEEK_BACK:
                decoding = _Decoding(self.path)
                if frames := decoding.frames_from(times[position], seconds):
                    return frames, position
        return _Decoding(self.path).frames(), 0


class _Decoding:
    """One way through a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.container = _open(path)
        stream = self.container.streams.best('video')
        if not isinstance(stream, VideoStream):
            raise ValueError(f'{path} holds no video. Is the file complete?')
        self.stream, self.codec = stream, stream.codec_context
        if not self.codec:
            raise ValueError(f'{path}: no decoder here for its codec, {codec_name(self.container)}. {_OTHER_CODEC}')
        self.codec.thread_type = 'AUTO'
        self.codec.thread_count = min(_THREADS, os.cpu_count() or 1)
        self.tally = FrameTally(self.container, self.stream)

    def survey(self) -> None:
        """Look at all packets, without decoding, where the file does not list its frames."""
        if not self.tally.has_list():
            for packet in self._packets():
                self.tally.see(packet)

    def frames(self) -> Iterator[VideoFrame]:
        """Decode to the end, and say then what was missing."""
        frame = None
        for frame in self._decode():
            self.tally.decoded += not frame.is_corrupt
            yield frame
        if frame is None:
            raise ValueError(
                f'{self.path} holds no frame that can be decoded (codec {self.codec.name}). Is the file complete? If '
                f'it plays elsewhere: {_OTHER_CODEC}'
            )
        self.tally.check(self.path)
        self.container.close()

    def frames_from(self, time: int, back: float) -> Iterator[VideoFrame] | None:
        """Decode from the frame of a time on; None if what it is decoded from is not within ``back`` seconds."""
        if self.container.format.name.split(',')[0] not in _SEEKABLE:
            return None
        try:
            self.container.seek(time - round(back / (self.stream.time_base or 1)), stream=self.stream)
        except av.FFmpegError:
            return None
        frames = (frame for frame in self._decode() if not frame.is_corrupt)
        for frame in frames:
            if frame.pts == time:
                return chain([frame], frames)
            if frame.pts is None or frame.pts > time:
                break
        return None

    def _decode(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            self.tally.see(packet)
            if packet.stream is self.stream and packet.size:
                yield from self._send(packet)
        yield from self._send(None)

    def _packets(self) -> Iterator[av.Packet]:
        try:
            yield from self.container.demux()
        except av.FFmpegError:  # damage; the rest cannot be reached
            self.tally.errors += 1

    def _send(self, packet: av.Packet | None) -> list[VideoFrame]:
        try:
            return self.codec.decode(packet)
        except av.FFmpegError:
            self.tally.errors += 1
            return []


class FrameConverter:
    """Turns decoded frames into arrays (H, W, 3), uint8, BGR, upright."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """Convert a frame, by the colours that it says it has."""
        image = self._reformatter.reformat(
            frame, format='bgr24', interpolation=Interpolation.BICUBIC, threads=1
        ).to_ndarray()
        side_data: Any = frame.side_data  # of another type than PyAV says
        matrix = side_data.get('DISPLAYMATRIX')
        return image if matrix is None else np.ascontiguousarray(_upright(image, np.frombuffer(matrix, np.int32)))


def _upright(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Turn and mirror by a display matrix (a, b, u, c, d, ...): column x and row y are shown at (ax + cy, bx + dy)."""
    a, b, _, c, d = matrix[:5].tolist()
    if abs(b) > abs(a):
        image, a, d = image.swapaxes(0, 1), c, b
    return image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


def _open(path: Path) -> InputContainer:
    check_file(str(path), 'video', limit=None)
    try:
        return av.open(f'file:{path}', options=_OPTIONS, metadata_errors='replace')
    except FileNotFoundError as error:
        raise FileNotFoundError(f'no such video: {path}') from error
    except PermissionError as error:
        raise PermissionError(f'video {path} may not be read; give this user the right to (chmod).') from error
    except av.FFmpegError as error:
        raise ValueError(
            f'{path} cannot be read as a video; expected MP4, MOV, Matroska, WebM, AVI or MPEG, whatever its ending, '
            'or a folder of frames. Is the file complete?'
        ) from error
