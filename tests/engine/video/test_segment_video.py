import tracemalloc

import cv2
import numpy as np
import pytest
import torch

from i2vda_mmseg.engine.video import FramePredictor, VideoWriter, segment_video
from i2vda_mmseg.engine.video.segment_video import overlay
from i2vda_mmseg.flow import DISFlow

PALETTE = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


class Halves(FramePredictor):
    """Labels the left half 0 and the right half 1, and remembers what it saw."""

    def __init__(self, changing=False):
        self.palette, self.changing, self.seen = PALETTE, changing, []

    def begin_clip(self):
        self.seen.clear()

    def __call__(self, frame):
        self.seen.append(int(frame[0, 0, 0]))
        labels = torch.zeros(frame.shape[:2], dtype=torch.uint8)
        labels[:, frame.shape[1] // 2 :] = 1
        return (labels + len(self.seen)) % 3 if self.changing else labels


def frames(path, count=4, height=32, width=48):
    path.mkdir()
    texture = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    for i in range(count):
        texture[0, 0] = i
        cv2.imwrite(str(path / f'{i:04d}.png'), texture)
    return path


def test_every_frame_in_order_into_a_video(tmp_path):
    predictors = [Halves(), Halves()]
    summary = segment_video(predictors, frames(tmp_path / 'in'), tmp_path / 'out' / 'o.mp4', opacity=1.0)
    assert summary.frames == 4
    assert summary.tc is None
    assert predictors[0].seen == predictors[1].seen == [0, 1, 2, 3]
    video = cv2.VideoCapture(str(tmp_path / 'out' / 'o.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    picture = video.read()[1]
    assert picture.shape == (32, 96, 3)  # side by side
    for column, rgb in ((10, PALETTE[0]), (35, PALETTE[1]), (58, PALETTE[0]), (85, PALETTE[1])):
        np.testing.assert_allclose(picture[16, column, ::-1], rgb, atol=25)
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['o.mp4']


def test_consistency_without_labels(tmp_path):
    summary = segment_video([Halves(), Halves(changing=True)], frames(tmp_path / 'in'), flow_estimator=DISFlow())
    assert summary.tc == [1.0, 0.0]
    assert summary.flicker == [0.0, 1.0]
    with pytest.raises(ValueError, match='single frame'):
        segment_video(Halves(), frames(tmp_path / 'one', count=1), flow_estimator=DISFlow())


def test_opacity():
    frame = np.full((2, 3, 3), 100, np.uint8)
    labels = np.array([[0, 1, 255]] * 2, np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[:2] = (200, 0, 0), (0, 60, 0)
    assert overlay(frame, labels, palette, 0.5)[0].tolist() == [[150, 50, 50], [50, 80, 50], [50, 50, 50]]
    assert (overlay(frame, labels, palette, 0.0) == frame).all()
    with pytest.raises(ValueError, match='opacity'):
        segment_video(Halves(), 'anything', opacity=1.5)


def test_a_failure_leaves_no_file(tmp_path):
    source = frames(tmp_path / 'in')
    (source / '0002.png').write_bytes(b'')
    with pytest.raises(ValueError, match=r'0002\.png is an empty file'):
        segment_video(Halves(), source, tmp_path / 'o.mp4')
    assert not list(tmp_path.glob('*.mp4')) + list(tmp_path.glob('.*.mp4'))
    with pytest.raises(ValueError, match=r'written as \.mp4'):
        VideoWriter(tmp_path / 'o.avi', 10)


def test_memory_does_not_grow_with_the_length(tmp_path):
    peaks = []
    for count in (8, 80):
        source = frames(tmp_path / f'{count}', count, height=96, width=160)
        tracemalloc.start()
        segment_video(Halves(), source, flow_estimator=DISFlow())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 4 * 96 * 160 * 3  # a few frames
