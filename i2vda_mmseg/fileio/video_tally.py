"""What a video file states, against what came out of it."""

import re
from collections import Counter
from pathlib import Path

import av
from av import logging
from av.container import InputContainer
from av.video.stream import VideoStream

_LOST = 2  # frames that a whole file may lack: open groups of pictures begin with frames that nothing decodes
_OVERHEAD = 256  # bytes between two packets that may belong to neither
_INDEXED = ('mov', 'avi')  # they list their frames


class FrameTally:
    """Counts the frames of a video and notices which are missing: FFmpeg says 'the end' of damage as well.

    MP4, MOV and AVI list their frames. Others state at most how long they are; there, missing is what follows the last
    packet, what an unused part of the file has taken from the middle, and what the decoder complained of. A varying
    frame rate alone is no damage.

    Attributes:
        stated: Number of frames that the file states to show; 0 if it states none.
        decoded: Number of frames decoded.
        errors: Number of times that reading or decoding failed.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._kind = container.format.name.split(',')[0]
        self.stated = self._listed() or round(self._length() * (stream.average_rate or 0))
        self.decoded, self.errors = 0, 0
        self._byte_end, self._end, self._time = 0, 0.0, 0.0
        self._steps: Counter[float] = Counter()
        self._gaps: list[float] = []

    def see(self, packet: av.Packet) -> None:
        """Note where a packet of any stream lies in the file and in time."""
        if not packet.size or packet.dts is None:
            return
        time, base = packet.dts, float(packet.time_base)
        self._end = max(self._end, ((packet.pts or time) + (packet.duration or 0)) * base)
        if packet.stream is self._stream:
            self.errors += packet.is_corrupt
            step = round(time * base - self._time, 6)
            unused = (packet.pos or 0) - self._byte_end
            if self._byte_end and unused > _OVERHEAD + packet.size // 8:
                self._gaps.append(step)
            elif self._byte_end:
                self._steps[step] += 1
            self._time = time * base
        self._byte_end = max(self._byte_end, (packet.pos or 0) + packet.size)

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
        """Frames to show in the container's list; 0 without one."""
        if self._kind == 'mov':  # one that was trimmed without encoding it anew lists frames that are not shown
            return sum(not entry.is_discard for entry in self._stream.index_entries)
        return self._stream.frames if self._kind in _INDEXED else 0

    def _length(self) -> float:
        return (self._container.duration or 0) / av.time_base

    def _unseen(self) -> int:
        """Frames that no packet was there for: in the middle and at the end."""
        rate = self._stream.average_rate
        steps = self._steps or Counter([float(1 / rate)] if rate else [])
        usual, longest = (steps.most_common(1)[0][0], max(steps)) if steps else (0, 0)
        if usual <= 0:
            return 0
        middle = sum(max(0, round(gap / usual) - 1) for gap in self._gaps)
        return middle + max(0, round((self._length() - self._end) / longest))


def codec_name(container: InputContainer) -> str:
    """What FFmpeg calls the codec of a video that it has no decoder for; PyAV tells it in no other way."""
    level = logging.get_level()
    logging.set_level(logging.INFO)
    try:
        found = re.search(r'Video: ([^,]+)', container.dumps_format())  # type: ignore[attr-defined]
    finally:
        logging.set_level(level)
    return found[1].removeprefix('none ') if found else 'an unknown one'
