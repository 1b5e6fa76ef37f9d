"""Videos that are broken, and videos that are only large."""

import os
import struct

import cv2
import numpy as np
import pytest

from i2vda_mmseg.fileio.frame_source import list_pairs
from i2vda_mmseg.fileio.frame_stream import FrameStream
from i2vda_mmseg.fileio.images import MAX_BYTES, check_file
from i2vda_mmseg.fileio.video_file import check_container, check_whole, stated_frames

CONTAINERS = [('mp4', 'mp4v'), ('mov', 'mp4v'), ('avi', 'MJPG'), ('avi', 'XVID'), ('mkv', 'mp4v'), ('webm', 'VP80')]
FRAMES = 60


def write(path, codec, count=FRAMES, size=(48, 32)):
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 2)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 12.5, size)
    assert writer.isOpened()
    for i in range(count):
        writer.write(np.roll(picture, 3 * i, axis=1))
    writer.release()
    return path


def damaged(path, start, end, fill):
    """Replace a part of a file, given in thirds."""
    content = path.read_bytes()
    first, last = start * len(content) // 6, end * len(content) // 6
    path.write_bytes(content[:first] + (bytes(last - first) + content[last:] if fill else b''))
    return path


@pytest.mark.parametrize('count', [1, 2, 7, FRAMES])
@pytest.mark.parametrize(('ending', 'codec'), CONTAINERS)
def test_whole_videos_are_read_to_their_end(tmp_path, ending, codec, count):
    path = write(tmp_path / f'a.{ending}', codec, count)
    assert len(list(FrameStream(path))) == count
    if count > 1:
        assert len(list_pairs(path)) == count - 1


@pytest.mark.parametrize(('ending', 'codec'), CONTAINERS)
def test_a_zeroed_middle_is_an_error(tmp_path, ending, codec):
    path = damaged(write(tmp_path / f'a.{ending}', codec), 2, 4, fill=True)
    for read in (lambda: list(FrameStream(path)), lambda: list_pairs(path)):
        with pytest.raises(ValueError, match=rf'a\.{ending} is damaged or cut short: decoded \d+ of 60 frames'):
            read()


@pytest.mark.parametrize(('ending', 'codec'), CONTAINERS)
def test_half_a_video_is_an_error(tmp_path, ending, codec):
    """Where the list of frames is at the end, there is nothing to open."""
    path = damaged(write(tmp_path / f'a.{ending}', codec), 3, 6, fill=False)
    with pytest.raises(ValueError, match=rf'a\.{ending} (is damaged or cut short|cannot be opened as a video)'):
        list(FrameStream(path))


@pytest.mark.parametrize(
    ('head', 'stated', 'least'),
    [
        (b'\0\0\0\x1cftypisom', 60, 58),
        (b'RIFF', 60, 58),
        (b'\x1aE\xdf\xa3', 60, 52),
        (b'\0\0\1\xba', 60, 0),
        (b'RIFF', 0, 0),
    ],
)
def test_how_many_frames_may_be_missing(tmp_path, head, stated, least):
    path = tmp_path / 'a.bin'
    path.write_bytes(head)
    check_whole(path, stated, least)
    if least:
        with pytest.raises(ValueError, match=f'decoded {least - 1} of {stated} frames'):
            check_whole(path, stated, least - 1)


def trimmed(path, start, shown, rate=12.5):
    """Let an MP4 show a part of its frames, as telephones trim: the others stay in the file and in its index."""
    content = bytearray(path.read_bytes())
    movie, media, edits = (content.index(name) for name in (b'mvhd', b'mdhd', b'elst'))
    ticks, media_ticks = (struct.unpack_from('>I', content, place + 16)[0] for place in (movie, media))
    struct.pack_into('>I', content, movie + 20, round(shown / rate * ticks))
    struct.pack_into('>II', content, edits + 12, round(shown / rate * ticks), round(start / rate * media_ticks))
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(('start', 'shown'), [(0, 60), (20, 40), (17, 43), (0, 20), (20, 20)])
def test_a_trimmed_video_is_whole(tmp_path, start, shown):
    stream = FrameStream(trimmed(write(tmp_path / 'a.mp4', 'mp4v'), start, shown))
    assert len(list(stream)) == len(stream) == shown


def test_a_trimmed_video_that_is_broken(tmp_path):
    path = damaged(trimmed(write(tmp_path / 'a.mp4', 'mp4v'), 20, 40), 2, 4, fill=True)
    with pytest.raises(ValueError, match=r'decoded \d+ of 40 frames'):
        list(FrameStream(path))


@pytest.mark.parametrize('box', [b'\0\0\0\1mdat' + bytes(8), b'\0\0\0\1mdat' + b'\xff' * 8, bytes(4) + b'mdat' * 3])
def test_boxes_that_lead_nowhere(tmp_path, box):
    path = tmp_path / 'a.mp4'
    path.write_bytes(b'\0\0\0\x18ftyp' + bytes(16) + box)
    with pytest.raises(ValueError, match=r'a\.mp4 cannot be opened as a video'):
        FrameStream(path)
    assert stated_frames(path, Stated()) == 60


class Stated:
    def get(self, what):
        return 60 if what == cv2.CAP_PROP_FRAME_COUNT else 12.5


def test_a_video_may_have_any_size(tmp_path):
    path = write(tmp_path / 'a.mp4', 'mp4v', 3)
    os.truncate(path, MAX_BYTES + 1)  # a sparse file
    with pytest.raises(ValueError, match='at most'):
        check_file(str(path), 'image')
    assert len(list(FrameStream(path))) == 3


def test_a_pipe_is_no_video(tmp_path):
    os.mkfifo(tmp_path / 'a.mp4')
    with pytest.raises(ValueError, match=r'video .* is no regular file'):
        check_container(tmp_path / 'a.mp4')
