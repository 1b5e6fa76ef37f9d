"""Videos that are damaged, cut short or trimmed."""

import struct

import numpy as np
import pytest
from videos import moving, video, write

from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.fileio.video_reader import VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter

FRAMES = 60
DAMAGED = ('h264.mp4', 'a.mov', 'mjpeg.avi', 'xvid.avi', 'mpeg4.mkv', 'open.mkv', 'vp8.webm', 'vp9.webm', 'a.flv')


def damaged(path, start, end, fill):
    """Replace a part of a file, given in sixths of its frames; the index of an MP4 stands before or behind them."""
    content = path.read_bytes()
    head = content.find(b'mdat') if b'mdat' in content else 0
    index = content.find(b'moov')
    size = (index if index > head else len(content)) - head
    first, last = head + start * size // 6, head + end * size // 6
    path.write_bytes(content[:first] + (bytes(last - first) + content[last:] if fill else b''))
    return path


@pytest.mark.parametrize('name', DAMAGED)
def test_a_zeroed_middle_is_an_error(tmp_path, name):
    path = damaged(video(tmp_path, name), 2, 4, fill=True)
    for read in (lambda: list(FrameSource(path)), lambda: FrameSource(path).pairs()):
        with pytest.raises(ValueError, match=rf'{name} is damaged or cut short: decoded \d+ of (5\d|6\d) frames'):
            read()


@pytest.mark.parametrize('name', DAMAGED)
def test_half_a_video_is_an_error(tmp_path, name):
    """Where the list of frames is at the end, there is nothing to open."""
    path = damaged(video(tmp_path, name), 3, 6, fill=False)
    with pytest.raises(ValueError, match=rf'{name} (is damaged or cut short: decoded [1-4]?\d of|cannot be read as a)'):
        list(VideoReader(path))


def test_half_a_video_with_its_index_at_the_front(tmp_path):
    path = tmp_path / 'a.mp4'
    with VideoWriter(path, 12.5) as writer:
        for picture in moving(FRAMES):
            writer.write(picture)
    damaged(path, 3, 6, fill=False)
    with pytest.raises(ValueError, match=r'a\.mp4 is damaged or cut short: decoded [1-4]\d of 60 frames'):
        list(VideoReader(path))


@pytest.mark.parametrize(
    ('name', 'codec'),
    [('a.mkv', 'libx264'), ('a.webm', 'libvpx'), ('a.ts', 'libx264'), ('a.avi', 'mpeg4'), ('a.flv', 'libx264')],
)
def test_dropped_frames_are_no_damage_and_lost_ones_are(tmp_path, name, codec):
    """Recorders leave frames out and say so in the times, or in empty entries of an AVI."""
    pause = range(50, 80)
    path = write(tmp_path / name, codec, 300, dropped=pause, g=20)
    assert VideoReader(path).count() == 270
    content = path.read_bytes()
    first, last = int(0.5 * len(content)), int(0.6 * len(content))
    path.write_bytes(content[:first] + bytes(last - first) + content[last:])
    with pytest.raises(ValueError, match=rf'{name} is damaged or cut short: decoded \d+ of 2\d\d frames'):
        VideoReader(path).count()


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
    path = trimmed(write(tmp_path / 'a.mp4', 'mpeg4'), start, shown)
    stream = FrameSource(path)
    frames = list(stream)
    assert len(frames) == len(stream) == shown
    np.testing.assert_array_equal(VideoReader(path).read(shown - 1), frames[-1])


def test_a_trimmed_video_that_is_broken(tmp_path):
    path = damaged(trimmed(write(tmp_path / 'a.mp4', 'mpeg4'), 20, 40), 2, 4, fill=True)
    with pytest.raises(ValueError, match=r'decoded \d+ of 40 frames'):
        list(FrameSource(path))
