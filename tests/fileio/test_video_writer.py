import errno
import resource

import av
import numpy as np
import pytest

from i2vda_mmseg.fileio import video_writer
from i2vda_mmseg.fileio.video_reader import VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter

CITYSCAPES = [(128, 64, 128), (70, 130, 180), (107, 142, 35), (220, 20, 60), (0, 0, 142), (250, 170, 30)]
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255), (128, 128, 128), *CITYSCAPES]


@pytest.fixture
def file_limit():
    """Let files end after so many bytes, as on a full disk; Python ignores the signal, so that writing fails."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def noise(count, height=64, width=96):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def write(path, frames, fps=10):
    with VideoWriter(path, fps) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def boxes(path):
    """Names of an MP4's boxes, in their order."""
    content, names = path.read_bytes(), []
    while content:
        names.append(content[4:8].decode())
        content = content[int.from_bytes(content[:4], 'big') :]
    return names


@pytest.mark.parametrize('share', [0.001, 0.3, 0.7, 0.98])
def test_a_full_disk_leaves_no_file(tmp_path, file_limit, share):
    """While frames are written, at the end, and while the index goes to the front."""
    size = write(tmp_path / 'o.mp4', noise(20)).stat().st_size
    (tmp_path / 'o.mp4').write_text('an older one')
    file_limit(int(share * size))
    with pytest.raises(OSError, match=r'o\.mp4 could not be written \(File too large\)') as caught:
        write(tmp_path / 'o.mp4', noise(20))
    assert caught.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ['o.mp4']
    assert (tmp_path / 'o.mp4').read_text() == 'an older one'


def test_an_error_between_two_frames_leaves_no_file_and_stays_what_it_is(tmp_path):
    def frames():
        yield noise(1)[0]
        yield np.frombuffer((tmp_path / 'absent.npy').read_bytes(), np.uint8)

    with pytest.raises(FileNotFoundError, match=r'No such file.*absent\.npy'):
        write(tmp_path / 'o.mp4', frames())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('size', 'written'), [((33, 49), (34, 50)), ((1, 48), (2, 48)), ((1, 1), (2, 2))])
def test_odd_sizes_are_padded(tmp_path, size, written):
    frame = np.full((*size, 3), 60, np.uint8)
    frame[-1], frame[:, -1] = 200, 200
    picture = VideoReader(write(tmp_path / 'o.mp4', [frame] * 2)).read(0)
    assert picture.shape == (*written, 3)
    np.testing.assert_allclose(picture[size[0] - 1 :], 200, atol=40)


def test_a_frame_of_another_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'o\.mp4: a frame of 50x32 after ones of 48x32'):
        write(tmp_path / 'o.mp4', [noise(1, 32, 48)[0], noise(1, 32, 50)[0]])
    assert not list(tmp_path.iterdir())


def test_no_frames_leave_no_file(tmp_path):
    write(tmp_path / 'o.mp4', [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('fps', [17, 66.667, 120.123, 240.013, 238.457, 30000 / 1001, 0.1, 1000])
def test_any_rate_is_written(tmp_path, fps):
    video = VideoReader(write(tmp_path / 'o.mp4', noise(5), fps))
    assert video.fps == pytest.approx(fps, rel=1e-6)
    assert video.count() == len(video) == 5


@pytest.mark.parametrize('fps', [0, -1, float('nan'), float('inf')])
def test_a_rate_that_is_none(tmp_path, fps):
    with pytest.raises(ValueError, match=rf'o\.mp4: .*, got {fps}'):
        VideoWriter(tmp_path / 'o.mp4', fps)


@pytest.mark.parametrize(('size', 'every'), [((64, 96), 1), ((720, 1280), 5)])
def test_colours_are_read_as_they_were_written(tmp_path, size, every):
    """By this package, and by readers that do not look at marks and take BT.601 at any size."""
    frames = [np.full((*size, 3), colour, np.uint8) for colour in COLOURS[::every]]
    path = write(tmp_path / 'o.mp4', frames)
    for read, frame in zip(VideoReader(path), frames):
        np.testing.assert_allclose(read.astype(int), frame, atol=3)
    with av.open(str(path)) as file:
        for read, frame in zip(file.decode(video=0), frames):
            unmarked = read.to_ndarray(format='bgr24', src_colorspace='ITU601', src_color_range='MPEG')
            np.testing.assert_allclose(unmarked.astype(int), frame, atol=3)


@pytest.mark.parametrize(('absent', 'codec'), [((), 'h264'), (('libx264',), 'vp9')])
def test_what_browsers_play(tmp_path, monkeypatch, absent, codec):
    monkeypatch.setattr(video_writer.av, 'codecs_available', av.codecs_available - set(absent))
    path = write(tmp_path / 'o.mp4', noise(5))
    with av.open(str(path)) as file:
        stream = file.streams.video[0].codec_context
        assert codec in stream.name
        assert (stream.pix_fmt, stream.color_range, stream.colorspace) == ('yuv420p', 1, 6)  # limited range, BT.601
    names = boxes(path)
    assert names.index('moov') < names.index('mdat')
    assert VideoReader(path).count() == 5


def test_without_an_encoder(tmp_path, monkeypatch):
    monkeypatch.setattr(video_writer.av, 'codecs_available', set())
    with pytest.raises(OSError, match=r'o\.mp4 cannot be written: .*libx264.*libvpx-vp9.*pip install av'):
        write(tmp_path / 'o.mp4', noise(1))
    assert not list(tmp_path.iterdir())
