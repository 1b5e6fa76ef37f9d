import cv2
import numpy as np
import pytest

from i2vda_mmseg.fileio.frame_stream import FrameStream


def video(path, count=5, size=(48, 32), fps=12.5):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), fps, size)
    for i in range(count):
        writer.write(np.full((size[1], size[0], 3), 40 * i, np.uint8))
    writer.release()
    return path


def folder(path, sizes=((8, 6), (8, 6), (8, 6))):
    path.mkdir()
    for i, (width, height) in enumerate(sizes):
        cv2.imwrite(str(path / f'f_{i:03d}.png'), np.full((height, width, 3), (i, 10, 200), np.uint8))
    (path / 'notes.txt').write_text('no frame')
    return path


def test_a_video(tmp_path):
    stream = FrameStream(video(tmp_path / 'a.mp4'))
    frames = list(stream)
    assert (len(stream), stream.fps, len(frames)) == (5, 12.5, 5)
    assert frames[0].shape == (32, 48, 3)
    assert [round(float(frame.mean()) / 40) for frame in frames] == [0, 1, 2, 3, 4]
    assert len(list(stream)) == 5  # once more from its beginning


def test_a_folder_in_the_order_of_its_names(tmp_path):
    stream = FrameStream(folder(tmp_path / 'frames'))
    frames = list(stream)
    assert len(stream) == 3
    assert [frame[0, 0].tolist() for frame in frames] == [[0, 10, 200], [1, 10, 200], [2, 10, 200]]


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no video and no folder at .*absent'):
        FrameStream(tmp_path / 'absent.mp4')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='holds no frames'):
        FrameStream(tmp_path / 'empty')
    (tmp_path / 'text.mp4').write_text('this is no video at all')
    with pytest.raises(ValueError, match=r'text\.mp4 cannot be read as a video'):
        FrameStream(tmp_path / 'text.mp4')
    whole = video(tmp_path / 'whole.mp4').read_bytes()
    (tmp_path / 'cut.mp4').write_bytes(whole[:200])
    with pytest.raises(ValueError, match=r'cut\.mp4'):
        list(FrameStream(tmp_path / 'cut.mp4'))
    with pytest.raises(ValueError, match=r'f_001\.png is 8x7, but the first frame .* 8x6'):
        list(FrameStream(folder(tmp_path / 'mixed', sizes=((8, 6), (8, 7)))))


def named(path, *names):
    """Frames whose blue tells their place among the names."""
    path.mkdir()
    for i, name in enumerate(names):
        cv2.imwrite(str(path / f'{name}.png'), np.full((6, 8, 3), (i, 10, 200), np.uint8))
    return path


def seen(stream):
    return [int(frame[0, 0, 0]) for frame in stream]


def test_frames_in_the_order_of_their_numbers(tmp_path):
    stream = FrameStream(named(tmp_path / 'frames', *(f'f{i}' for i in range(12))))
    assert seen(stream) == list(range(12))
    assert stream.clip_starts == {0}
    both = FrameStream(named(tmp_path / 'left', 'f1_left', 'f2_left', 'f10_left'))  # numbers need not come last
    assert (seen(both), both.clip_starts) == ([0, 1, 2], {0})


@pytest.mark.parametrize(
    ('names', 'starts'),
    [
        (['f0', 'f5', 'f10', 'f15'], {0}),  # every fifth frame
        (['f0', 'f1', 'f2', 'f7', 'f8'], {0, 3}),  # the number jumps
        (['a_1', 'a_2', 'b_3', 'b_4'], {0, 2}),  # another stem
        (
            [f'frankfurt_{clip}_leftImg8bit' for clip in ('000000_000001', '000000_000002', '000001_000003')],
            {0, 2},  # another sequence
        ),
        ([f'frankfurt_000000_{number:06d}_leftImg8bit' for number in (*range(265, 295), *range(547, 577))], {0, 30}),
        (['garden', 'house', 'street'], {0}),
        (['f1', 'f2', 'last'], {0, 2}),
        (['only7'], {0}),
    ],
)
def test_where_clips_begin(tmp_path, names, starts):
    stream = FrameStream(named(tmp_path / 'frames', *names))
    assert seen(stream) == list(range(len(names)))
    assert stream.clip_starts == starts


def test_a_video_is_one_clip(tmp_path):
    assert FrameStream(video(tmp_path / 'a.mp4')).clip_starts == {0}
