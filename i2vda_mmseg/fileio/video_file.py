"""Video files: which are read, and whether all of one was there."""

import math
import struct
from pathlib import Path

import cv2

from .images import check_file

_AVI, _MATROSKA = b'RIFF', b'\x1aE\xdf\xa3'
_MPEG = (b'\0\0\1\xba', b'\0\0\1\xb3', b'G')
_BOXES = (b'ftyp', b'moov', b'mdat', b'wide', b'free', b'skip')  # MP4, MOV
_LOST = 2  # frames that a whole file may lack: open groups of pictures begin with frames that nothing decodes


def check_container(path: Path) -> None:
    """Refuse what is no container of video: FFmpeg would also follow a playlist to files and addresses elsewhere.

    Raises:
        OSError: If it is a folder or may not be read.
        ValueError: If it is a pipe or a device, or no container of video; of any size.
    """
    check_file(str(path), 'video', limit=None)
    head = _head(path)
    if not (head.startswith((_AVI, _MATROSKA, *_MPEG)) or head[4:8] in _BOXES):
        raise ValueError(
            f'{path} cannot be read as a video; expected MP4, MOV, AVI, Matroska, WebM or MPEG, or a folder of frames'
        )


def stated_frames(path: Path, video: cv2.VideoCapture) -> int:
    """Number of frames to show that a video states; 0 if it states none."""
    count = max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
    # An MP4 that was trimmed without encoding it anew lists frames that are not shown; its length is what is shown.
    shown = _length(path) * video.get(cv2.CAP_PROP_FPS) if _head(path)[4:8] in _BOXES else math.inf
    return round(min(count, shown))


def check_whole(path: Path, stated: int, decoded: int) -> None:
    """Refuse a video of which less could be decoded than it states; OpenCV says 'the end' of damage as well.

    MP4, MOV and AVI list their frames: two may be missing. For Matroska and WebM, FFmpeg takes their length, which may
    be that of the sound, times a rate, which need not be constant: a tenth more may be missing. MPEG states nothing.

    Args:
        path: The file.
        stated: As ``stated_frames`` says.
        decoded: Number of frames read to the end.

    Raises:
        ValueError: If too many are missing.
    """
    head = _head(path)
    if head.startswith(_MPEG):
        return
    allowed = _LOST + (stated // 10 if head.startswith(_MATROSKA) else 0)
    if decoded + allowed < stated:
        raise ValueError(
            f'{path} is damaged or cut short: decoded {decoded} of {stated} frames. Fetch the file again; if it plays '
            'to its end, as a trimmed one may, encode it anew: ffmpeg -i FILE whole.mp4'
        )


def _length(path: Path) -> float:
    """Seconds that the header of an MP4 states (ISO/IEC 14496-12, box mvhd of moov); infinite where it states none."""
    with path.open('rb') as file:
        while len(box := file.read(16)) == 16:
            size, kind, large = struct.unpack('>I4sQ', box)
            if kind == b'moov':
                return _movie_length(box[8:] + file.read(32))
            step = large if size == 1 else size
            if not 8 <= step <= path.stat().st_size:  # 0 is 'to the end'
                break
            file.seek(step - 16, 1)
    return math.inf


def _movie_length(header: bytes) -> float:
    """Read mvhd: size, name, version, two dates, ticks a second, length in ticks."""
    form, end = ('>8x4x16xIQ', 40) if header[8:9] == b'\1' else ('>8x4x8xII', 28)
    if header[4:8] != b'mvhd' or len(header) < end:
        return math.inf
    rate, ticks = struct.unpack(form, header[:end])
    return ticks / rate if rate and ticks else math.inf


def _head(path: Path) -> bytes:
    with path.open('rb') as file:
        return file.read(16)
