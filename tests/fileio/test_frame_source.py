"""A folder or a video as numbered frames."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from datasets import trees
from PIL import Image
from videos import write

from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.fileio.video_reader import VideoReader


def named(path, *names):
    """Frames whose blue tells their place among the names."""
    for i, name in enumerate(names):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(
            str(path / (name if '.' in name else f'{name}.png')), np.full((6, 8, 3), (4 * i, 10, 200), np.uint8)
        )
    return path


def seen(source):
    return [round(frame[..., 0].mean() / 4) for frame in source]


def read_all(path):
    source = FrameSource(path)
    return [source.read(frame) for pair in source.pairs() for frame in pair]


@pytest.fixture
def frames(tmp_path):
    for number in range(3):
        trees.write_image(tmp_path / f'clip_{number:04d}.png', trees.image(number))
    return tmp_path


def test_a_video_is_one_clip(tmp_path):
    path = write(tmp_path / 'a.mp4', 'libx264', count=5)
    source = FrameSource(path)
    assert (len(source), source.fps, source.clip_starts, source.clips) == (5, 12.5, {0}, [])
    images = list(VideoReader(path))
    for _ in range(2):  # once more from its beginning
        np.testing.assert_array_equal(list(source), images)
    pairs = source.pairs()
    assert [(a.name, a.key) for a, _ in pairs] == [(f'a_{i:06d}', f'a.mp4:{i}') for i in range(4)]
    assert [b.position for _, b in pairs] == [1, 2, 3, 4]
    for a, b in pairs:
        np.testing.assert_array_equal(source.read(b), images[b.position])
        np.testing.assert_array_equal(source.read(a), images[a.position])


@pytest.mark.parametrize(('names', 'starts'), [
    ([f'f{i}' for i in range(12)], {0}),
    (['f1_left', 'f2_left', 'f10_left'], {0, 2}),
    (['f0', 'f5', 'f10', 'f15'], {0}),  # every fifth frame
    (['f0', 'f1', 'f2', 'f7', 'f8'], {0, 3}),  # the number jumps
    (['a_1', 'a_2', 'b_3', 'b_4'], {0, 2}),  # another stem
    (['f_1.jpg', 'f_2.JPG', 'f_3.png', 'f_4.jpeg'], {0}),
    ([f'frankfurt_{clip}_leftImg8bit' for clip in ('000000_000001', '000000_000002', '000001_000003')], {0, 2}),
    ([f'frankfurt_000000_{number:06d}_leftImg8bit' for number in (*range(265, 295), *range(547, 577))], {0, 30}),
    (['garden', 'house', 'street'], {0}),
    (['f1', 'f2', 'last'], {0, 2}),
    (['only7'], {0}),
    (['drive_9/000001', 'drive_9/000002', 'drive_10/000003'], {0, 2}),
    ([f'n008__{1532402927612460 + 83333 * i + 400 * (-1) ** i}' for i in range(12)], {0}),
])  # fmt: skip
def test_order_and_clips_of_a_folder(tmp_path, names, starts):
    source = FrameSource(named(tmp_path / 'frames', *names))
    assert (len(source), source.fps) == (len(names), 17)
    assert seen(source) == list(range(len(names)))
    assert source.clip_starts == starts
    if len(names) - len(starts):
        expected = [(i - 1, i) for i in range(1, len(names)) if i not in starts]
        assert [(seen([source.read(a)])[0], seen([source.read(b)])[0]) for a, b in source.pairs()] == expected


def test_files_of_file_managers_are_no_frames(tmp_path):
    folder = named(tmp_path / 'frames', *(f'f_{i:04d}' for i in range(12)))
    for name in ('._f_0000.png', '._f_0001.png', '.DS_Store', 'Thumbs.db', 'notes.txt', '.f_0012.png'):
        (folder / name).write_bytes(b'\0\5\x16\7')
    assert seen(FrameSource(folder)) == list(range(12))
    assert len(FrameSource(folder).pairs()) == 11


def test_two_pictures_of_one_name(tmp_path):
    with pytest.raises(ValueError, match=r'f_1\.jpg and .*f_1\.png have the same name'):
        FrameSource(named(tmp_path / 'frames', 'f_0.png', 'f_1.png', 'f_1.jpg'))
    with pytest.raises(ValueError, match='f_01 and f_1 have the same number'):
        FrameSource(named(tmp_path / 'numbers', 'f_1', 'f_01'))


def test_a_data_root_pairs_frames_as_training_does(tmp_path):
    root = tmp_path / 'cityscapes'
    trees.cityscapes(root, [trees.frame_name(n) for n in range(275, 335)], [trees.frame_name(n) for n in (294, 324)])
    for folder in (tmp_path, root):
        pairs = FrameSource(folder).pairs()
        keys = [f'leftImg8bit_sequence/train/{trees.frame_name(n)}_leftImg8bit.png' for n in range(275, 335)]
        assert [(a.key, b.key) for a, b in pairs] == [pair for pair in pairwise(keys) if pair[1] != keys[30]]
        assert pairs[0][0].name == 'ulm_000000_000275'


def test_frames_that_stand_alone_are_told(tmp_path):
    source = FrameSource(named(tmp_path / 'most', 'a_1', 'a_2', 'b_1', 'c_1', 'd_1'))
    assert '3 of 5 frames stand alone, such as b_1' in source.warning
    assert FrameSource(named(tmp_path / 'few', 'a_1', 'a_2', 'b_1')).warning == ''


def test_what_is_no_source(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no video and no folder at .*absent'):
        FrameSource(tmp_path / 'absent.mp4')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match=r'empty holds no frames \(\.png, \.jpg'):
        FrameSource(tmp_path / 'empty')
    (tmp_path / 'text.mp4').write_text('this is no video at all')
    with pytest.raises(ValueError, match=r'text\.mp4 cannot be read as a video'):
        FrameSource(tmp_path / 'text.mp4')
    with pytest.raises(ValueError, match=r'f\.png is a single picture'):
        FrameSource(named(tmp_path / 'one', 'f') / 'f.png')
    with pytest.raises(ValueError, match='one holds 1 frames but no two consecutive ones'):
        FrameSource(tmp_path / 'one').pairs()


def test_a_frame_of_another_size(frames):
    assert [frame.shape for frame in read_all(frames)] == [(8, 12, 3)] * 4
    trees.write_image(frames / 'other_0000.png', trees.image(height=6, width=10))
    trees.write_image(frames / 'other_0001.png', trees.image(height=6, width=10))
    assert len(read_all(frames)) == 6  # each clip has a size of its own
    message = r'other_0000\.png has 10x6 pixels, but .*clip_0000\.png has 12x8'
    with pytest.raises(ValueError, match=message):
        list(FrameSource(frames))
    trees.write_image(frames / 'clip_0002.png', trees.image(height=6, width=10))
    for read in (read_all, lambda path: list(FrameSource(path))):
        with pytest.raises(ValueError, match=r'clip_0002\.png has 10x6 pixels, but .*clip_0000\.png has 12x8'):
            read(frames)


def test_a_damaged_frame_and_one_of_16_bits(frames):
    path = frames / 'clip_0001.png'
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r'clip_0001\.png cannot be decoded'):
        read_all(frames)
    trees.write_red_label(path, trees.raw_label(range(3)))
    with pytest.raises(ValueError, match=r'clip_0001\.png is a PNG of 16-bit RGB; expected 8-bit'):
        read_all(frames)


def test_grey_frames_are_frames(frames):
    Image.open(frames / 'clip_0001.png').convert('L').save(frames / 'clip_0001.png')
    grey = read_all(frames)[1]
    assert (grey[..., 0] == grey[..., 2]).all()
