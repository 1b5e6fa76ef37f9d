"""Videos: whole, varying, turned, of any name, and what is none."""

import os
import random

import av
import cv2
import numpy as np
import pytest
from videos import KINDS, moving, video, write

from i2vda_mmseg.fileio.reading import MAX_BYTES, check_file
from i2vda_mmseg.fileio.video_reader import VideoReader

FRAMES = 60


@pytest.mark.parametrize('count', [1, 2, FRAMES])
@pytest.mark.parametrize('name', KINDS)
def test_whole_videos_are_read_to_their_end(tmp_path, name, count):
    path = video(tmp_path, name, count)
    frames = list(VideoReader(path))
    assert len(frames) == VideoReader(path).count() == count
    for frame, original in zip(frames, moving(count)):
        assert np.abs(frame.astype(int) - original).mean() < 20  # lossy


@pytest.mark.parametrize('name', KINDS)
def test_a_frame_read_by_its_position_is_the_one_of_the_sequence(tmp_path, name):
    path = video(tmp_path, name)
    expected = list(VideoReader(path))
    order = random.Random(0).sample(range(FRAMES), FRAMES)
    unknown, known = VideoReader(path), VideoReader(path)
    known.count()
    for position in order[:12]:
        np.testing.assert_array_equal(unknown.read(position), expected[position])
        np.testing.assert_array_equal(known.read(position), expected[position])
    np.testing.assert_array_equal(known.read(position), expected[position])  # the same one again
    for position in (FRAMES, -1):
        with pytest.raises(IndexError, match=f'has {FRAMES} frames; there is none at position {position}'):
            known.read(position)


@pytest.mark.parametrize('name', ['a.mpg', 'a.m2v'])
def test_containers_without_an_index_are_decoded_from_their_beginning(tmp_path, name):
    picture = moving(1)[0]
    path = tmp_path / name
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('mpeg2video', rate=25, options=dict(g='6', bf='2'))
        stream.width, stream.height, stream.pix_fmt = 48, 32, 'yuv420p'
        for i in range(30):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(picture, i, axis=1), 'bgr24')))
        file.mux(stream.encode(None))
    reader = VideoReader(path)
    expected = list(reader)
    assert reader.count() == len(expected) == 30
    for position in (29, 7, 20, 3):
        np.testing.assert_array_equal(reader.read(position), expected[position])


STEPS = [20 + 37 * (i % 5) + (400 if i % 20 == 19 else 0) for i in range(FRAMES)]


@pytest.mark.parametrize(('name', 'codec'), [('a.mp4', 'libx264'), ('a.mkv', 'libx264'), ('a.webm', 'libvpx-vp9')])
def test_a_varying_rate_is_no_damage(tmp_path, name, codec):
    path = write(tmp_path / name, codec, steps=STEPS, g=12)
    expected = list(VideoReader(path))
    reader = VideoReader(path)
    assert reader.count() == len(expected) == FRAMES
    for position in (50, 3, 31, 18):
        np.testing.assert_array_equal(reader.read(position), expected[position])
    assert reader.frames == FRAMES
    assert reader.fps == pytest.approx(1000 * FRAMES / sum(STEPS[:-1]), rel=0.02)  # the last one's end is open


@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('degrees', [0, 90, 180, 270])
def test_frames_are_upright(tmp_path, degrees, mirrored):
    """Turned anticlockwise, then mirrored; OpenCV knows of turning only."""
    plain = next(iter(VideoReader(write(tmp_path / 'plain.mp4', 'libx264', count=1))))
    path = write(tmp_path / 'a.mp4', 'libx264', count=1, rotation=(degrees, mirrored))
    turned, expected = VideoReader(path), np.rot90(plain, degrees // 90)
    if mirrored:
        expected = expected[:, ::-1]
    else:
        np.testing.assert_array_equal(cv2.VideoCapture(str(path)).read()[1], expected)
    np.testing.assert_array_equal(next(iter(turned)), expected)
    np.testing.assert_array_equal(turned.read(0), expected)


def test_a_video_may_have_any_size(tmp_path):
    path = write(tmp_path / 'a.mp4', 'mpeg4', 3)
    os.truncate(path, MAX_BYTES + 1)  # a sparse file
    with pytest.raises(ValueError, match='at most'):
        check_file(str(path), 'image')
    assert len(list(VideoReader(path))) == 3


@pytest.mark.parametrize(
    ('name', 'like'), [('a.mts', 'open.ts'), ('a.m2ts', 'open.ts'), ('a.dat', 'h264.mp4'), ('no_ending', 'vp9.webm')]
)
def test_the_content_says_what_a_file_is(tmp_path, name, like):
    path = video(tmp_path, like, 5).rename(tmp_path / name)
    assert len(list(VideoReader(path))) == 5


def test_a_name_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('drive 10:30.mp4', 'http:a.mp4', 'concat:a.mp4'):
        write(name, 'libx264', 2)
        assert len(list(VideoReader(name))) == 2


@pytest.mark.parametrize('content', ['#EXTM3U\n#EXTINF:1,\n{0}\n', 'ffconcat version 1.0\nfile {0}\n', 'no video'])
def test_playlists_and_other_files_are_no_videos(tmp_path, content):
    part = write(tmp_path / 'part.ts', 'libx264', 2)
    (tmp_path / 'a.mp4').write_text(content.format(part))
    with pytest.raises(ValueError, match=r'a\.mp4 cannot be read as a video; expected MP4, MOV'):
        VideoReader(tmp_path / 'a.mp4')


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / 'a.mp4')
    with pytest.raises(ValueError, match=r'video .*a\.mp4 is no regular file'):
        VideoReader(tmp_path / 'a.mp4')
    with pytest.raises(IsADirectoryError, match='is a folder'):
        VideoReader(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'no such video: .*absent\.mp4'):
        VideoReader(tmp_path / 'absent.mp4')


def test_a_codec_without_a_decoder_is_named(tmp_path):
    path = video(tmp_path, 'h264.mp4', 5)
    path.write_bytes(path.read_bytes().replace(b'avc1', b'APRX').replace(b'avcC', b'free'))
    with pytest.raises(ValueError, match=r'h264\.mp4: no decoder here for its codec, .*APRX.*ffmpeg -i FILE -c:v'):
        VideoReader(path)
    assert av.logging.get_level() is None  # as it was


def test_a_codec_that_decodes_nothing_is_named(tmp_path):
    path = video(tmp_path, 'h264.mp4', 5)
    path.write_bytes(path.read_bytes().replace(b'avc1', b'av01'))
    with pytest.raises(ValueError, match=r'h264\.mp4 holds no frame that can be decoded \(codec .*av1'):
        list(VideoReader(path))


def test_titles_in_any_encoding(tmp_path):
    path = write(tmp_path / 'a.avi', 'mpeg4', 2, title='cafe')
    path.write_bytes(path.read_bytes().replace(b'cafe', b'caf\xe9'))
    assert VideoReader(path).count() == 2
