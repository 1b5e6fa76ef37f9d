import cv2
import numpy as np
import pytest

from i2vda_mmseg.datasets.frame_stream import FrameStream


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
