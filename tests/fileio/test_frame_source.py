"""Frames of a folder or a video that went bad."""

import cv2
import pytest
from datasets import trees
from PIL import Image

from i2vda_mmseg.fileio.frame_source import FrameReader, list_pairs


def read_all(source):
    reader = FrameReader(None)
    return [reader.read(frame) for pair in list_pairs(source) for frame in pair]


@pytest.fixture
def frames(tmp_path):
    for number in range(3):
        trees.write_image(tmp_path / f'clip_{number:04d}.png', trees.image(number))
    return tmp_path


def test_a_frame_of_another_size(frames):
    assert [tuple(frame.shape) for frame in read_all(frames)] == [(1, 3, 8, 12)] * 4
    trees.write_image(frames / 'clip_0002.png', trees.image(height=6, width=10))
    with pytest.raises(
        ValueError, match=r'clip_0002\.png has 10x6 pixels, but .*clip_0000\.png of the same clip has 12x8'
    ):
        read_all(frames)


def test_a_damaged_frame_and_one_of_16_bits(frames):
    path = frames / 'clip_0001.png'
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r'clip_0001\.png cannot be decoded: it is truncated'):
        read_all(frames)
    trees.write_red_label(path, trees.raw_label(range(3)))
    with pytest.raises(ValueError, match=r'clip_0001\.png is a PNG of 16-bit RGB; expected 8-bit'):
        read_all(frames)


def test_grey_frames_are_frames(frames):
    Image.open(frames / 'clip_0001.png').convert('L').save(frames / 'clip_0001.png')
    grey = read_all(frames)[1]
    assert (grey[0, 0] == grey[0, 2]).all()


def test_a_single_frame_is_no_clip(frames):
    for number in (1, 2):
        (frames / f'clip_{number:04d}.png').unlink()
    with pytest.raises(ValueError, match='holds 1 frames but no two consecutive ones'):
        list_pairs(frames)


def test_videos(tmp_path):
    path = tmp_path / 'a.avi'
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (12, 8))
    for seed in range(3):
        video.write(trees.image(seed))
    video.release()
    assert len(read_all(path)) == 4
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'a\.avi cannot be read as a video'):
        list_pairs(path)
