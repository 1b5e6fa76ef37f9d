import resource

import cv2
import numpy as np
import pytest

from i2vda_mmseg.fileio.video_writer import VideoWriter


@pytest.fixture
def small_disk():
    """Let files end at 20 kB, as on a full disk; Python ignores the signal, so that writing fails."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def noise(count, height=64, width=96):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def write(path, frames):
    with VideoWriter(path, 10) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def read(path):
    video = cv2.VideoCapture(str(path))
    return video.read()[1]


def test_a_full_disk_leaves_no_file(tmp_path, small_disk):
    (tmp_path / 'o.mp4').write_text('an older one')
    with pytest.raises(OSError, match=r'o\.mp4 could not be written: \d+ of 40 frames .* disk may be full'):
        write(tmp_path / 'o.mp4', noise(40))
    assert [path.name for path in tmp_path.iterdir()] == ['o.mp4']
    assert (tmp_path / 'o.mp4').read_text() == 'an older one'


@pytest.mark.parametrize(('size', 'written'), [((33, 49), (34, 50)), ((1, 48), (2, 48)), ((1, 1), (2, 2))])
def test_odd_sizes_are_padded(tmp_path, size, written):
    frame = np.full((*size, 3), 60, np.uint8)
    frame[-1], frame[:, -1] = 200, 200
    picture = read(write(tmp_path / 'o.mp4', [frame] * 2))
    assert picture.shape == (*written, 3)
    np.testing.assert_allclose(picture[size[0] - 1 :], 200, atol=40)


def test_no_frames_leave_no_file(tmp_path):
    write(tmp_path / 'o.mp4', [])
    assert not list(tmp_path.iterdir())
