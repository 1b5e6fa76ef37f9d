"""What a video file states, against what came out of it."""

import re
from array import array
from pathlib import Path

import av
import numpy as np
from av import logging
from av.container import InputContainer
from av.video.stream import VideoStream

_LOST = 2  # frames that a whole file may lack: open groups of pictures begin with frames that nothing decodes
_SAME_RATE = 0.1  # share by which rates may differ, as for packets that show nothing
_OVERHEAD = 256  # bytes between two packets that may belong to neither


class FrameTally:
    """Counts the frames of a video and notices which are missing: FFmpeg says 'the end' of damage as well.

    MP4 and MOV list their frames. Others state at most how long they are; there, missing is what follows the last
    packet, a pause where bytes belong to no packet or the demuxer flags one, and what the decoder complained of. A
    pause alone is no damage: rates vary, and recorders drop frames.

    Attributes:
        decoded: Number of frames decoded.
        errors: Number of times that reading or decoding failed.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._stream = stream
        self._kind = container.format.name.split(',')[0]
        self._rate = float(stream.average_rate or 0)
        self._length = (container.duration or 0) / av.time_base
        if self._kind == 'avi' and self._rate:  # its header counts frames, dropped ones among them
            self._length = stream.frames / self._rate
        self.decoded, self.errors = 0, 0
        self._byte_end, self._end = 0, 0.0
        self._times = array('d')  # of the packets, in seconds; FFmpeg knows when they are shown, not always their order
        self._breaks: list[int] = []  # numbers of packets before which something may have been lost

    def has_list(self) -> bool:
        """Whether the file says how many frames it has; others say at most a rate, often that of their first frames."""
        return self._kind in ('mov', 'avi') and bool(self._stream.frames)

    def frames(self) -> int:
        """Number of frames as listed; without a list, of the packets seen, some of which may show nothing."""
        if self.has_list():
            return self._listed() or self._stream.frames
        return len(self._times) or round(self._length * self._rate)

    def rate(self) -> float:
        """Frames a second: as stated, or of the packets seen where that is clearly another; 0 if unknown."""
        span = max(self._times, default=0.0) - min(self._times, default=0.0)
        seen = (len(self._times) - 1) / span if span else self._rate
        return self._rate if abs(seen - self._rate) <= _SAME_RATE * self._rate else seen

    def see(self, packet: av.Packet) -> None:
        """Note where a packet of any stream lies in the file and in time."""
        ticks = packet.dts if packet.pts is None else packet.pts
        if not packet.size or ticks is None:
            return
        time, position = float(ticks * packet.time_base), packet.pos or 0
        is_shown = packet.stream is self._stream
        unused = position - self._byte_end if self._byte_end and self._kind != 'mpegts' else 0
        number = len(self._times)
        if packet.is_corrupt:  # or one beside it: parsers cut packets anew
            self._breaks += range(number - 1, number + 3)
        elif unused > _OVERHEAD + packet.size // 8:
            self._breaks.append(number)
        if is_shown:
            self._times.append(time)
        if is_shown or self._kind != 'avi':  # where sound outlasts the picture, its end is that of the file
            self._end = max(self._end, time + float((packet.duration or 0) * packet.time_base))
        self._byte_end = max(self._byte_end, position + packet.size)

    def check(self, path: Path) -> None:
        """Refuse a video of which less could be decoded than it states.

        Raises:
            ValueError: If more than two frames are missing.
        """
        missing = self._listed() - self.decoded if self._listed() else self.errors + self._unseen()
        if missing > _LOST:
            raise ValueError(
                f'{path} is damaged or cut short: decoded {self.decoded} of {self.decoded + missing} frames. Fetch the '
                'file again; if it plays to its end, encode it anew: ffmpeg -i FILE whole.mp4'
            )

    def _listed(self) -> int:
        """Frames to show in the list of an MP4; 0 without one. One that was trimmed lists frames that are not shown."""
        return sum(not entry.is_discard for entry in self._stream.index_entries) if self._kind == 'mov' else 0

    def _unseen(self) -> int:
        """Frames that no packet was there for: in the middle and at the end."""
        order = np.argsort(self._times, kind='stable')
        steps = np.diff(np.asarray(self._times)[order]).round(4)
        breaks = np.unique(self._breaks)
        before, after = order[:-1], order[1:]
        is_broken = np.searchsorted(breaks, before, 'right') < np.searchsorted(breaks, after, 'right')
        sound = steps[~is_broken & (steps > 0)]
        usual = float(np.median(sound)) if sound.size else 1 / self._rate if self._rate else 0
        if not usual:
            return 0
        middle = np.maximum(np.rint(steps[is_broken] / usual) - 1, 0).sum()
        long = float(np.quantile(sound, 0.98)) if sound.size else usual  # how long the last frame may be shown
        end = self._length - self._end
        return int(middle) + (round(end / usual) if end > (_LOST + 0.5) * long else 0)


def codec_name(container: InputContainer) -> str:
    """What FFmpeg calls the codec of a video that it has no decoder for; PyAV tells it in no other way."""
    level = logging.get_level()
    logging.set_level(logging.INFO)
    try:
        found = re.search(r'Video: ([^,]+)', container.dumps_format())  # type: ignore[attr-defined]
    finally:
        logging.set_level(level)
    return found[1].removeprefix('none ') if found else 'an unknown one'
