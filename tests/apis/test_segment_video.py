import shutil
import weakref

import cv2
import numpy as np
import pytest
import torch

from i2vda_mmseg.apis import segment_video
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.evaluation import TemporalConsistency
from i2vda_mmseg.fileio.video_writer import VideoWriter
from i2vda_mmseg.runtime.video_loop import overlay

PALETTE = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


class Halves(FramePredictor):
    """Labels the left half 0 and the right half 1, and remembers what it saw, clip by clip."""

    def __init__(self, changing=False):
        self.palette, self.changing, self.clips = PALETTE, changing, []

    def begin_clip(self):
        self.clips.append([])

    def __call__(self, frame):
        self.clips[-1].append(int(frame[0, 0, 0]))
        labels = torch.zeros(frame.shape[:2], dtype=torch.uint8)
        labels[:, frame.shape[1] // 2 :] = 1
        return (labels + len(self.clips[-1])) % 3 if self.changing else labels


def frames(path, count=4, height=32, width=48, numbers=None):
    path.mkdir()
    texture = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    for i in numbers or range(count):
        texture[0, 0] = i
        cv2.imwrite(str(path / f'{i:04d}.png'), texture)
    return path


def metrics(count=1):
    made = [TemporalConsistency(dict(type='DISFlow')) for _ in range(count)]
    for metric in made:
        metric.dataset_meta = dict(classes='abc')
    return made


def test_every_frame_in_order_into_a_video(tmp_path):
    predictors = [Halves(), Halves()]
    summary = segment_video(predictors, frames(tmp_path / 'in'), tmp_path / 'out' / 'o.mp4', opacity=1.0)
    assert summary.frames == 4
    assert summary.tc is None
    assert predictors[0].clips == predictors[1].clips == [[0, 1, 2, 3]]
    video = cv2.VideoCapture(str(tmp_path / 'out' / 'o.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    picture = video.read()[1]
    assert picture.shape == (32, 96, 3)  # side by side
    for column, rgb in ((10, PALETTE[0]), (35, PALETTE[1]), (58, PALETTE[0]), (85, PALETTE[1])):
        np.testing.assert_allclose(picture[16, column, ::-1], rgb, atol=25)
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['o.mp4']


def test_a_legend_is_a_strip_below(tmp_path):
    legend = [('road', (128, 64, 128)), ('sky', (70, 130, 180))]
    source = frames(tmp_path / 'in', width=96)
    for name, items in (('plain', ()), ('told', legend)):
        segment_video([Halves(), Halves()], source, tmp_path / f'{name}.mp4', opacity=1.0, legend=items)
    plain, told = (cv2.VideoCapture(str(tmp_path / f'{name}.mp4')).read()[1] for name in ('plain', 'told'))
    assert plain.shape == (32, 192, 3)
    assert told.shape[0] > 32 + 12
    np.testing.assert_allclose(told[:30].astype(int), plain[:30], atol=25)
    strip = told[32:, :, ::-1].astype(int)
    for _, colour in legend:
        assert (np.abs(strip - colour).max(axis=2) < 25).sum() > 20
    assert (strip.min(axis=2) > 230).mean() > 0.4  # on white


def test_consistency_without_labels(tmp_path):
    predictors = [Halves(), Halves(changing=True)]
    summary = segment_video(predictors, frames(tmp_path / 'in'), metrics=metrics(2))
    assert summary.tc == [1.0, 0.0]
    assert summary.flicker == [0.0, 1.0]
    with pytest.raises(ValueError, match='no two consecutive frames'):
        segment_video(Halves(), frames(tmp_path / 'one', count=1), metrics=metrics())
    with pytest.raises(ValueError, match='one metric for each of the 2 predictors, got 1'):
        segment_video(predictors, tmp_path / 'in', metrics=metrics(1))


def test_no_pair_crosses_from_clip_to_clip(tmp_path):
    """Each clip is one pair that agrees; from clip to clip all pixels change."""

    class ByTens(Halves):
        def __call__(self, frame):
            super().__call__(frame)
            return torch.full(frame.shape[:2], self.clips[-1][0] // 10, dtype=torch.uint8)

    predictor = ByTens()
    summary = segment_video(predictor, frames(tmp_path / 'in', numbers=(0, 1, 10, 11, 20, 21)), metrics=metrics())
    assert predictor.clips == [[0, 1], [10, 11], [20, 21]]
    assert (summary.tc, summary.flicker) == ([1.0], [0.0])
    assert (summary.pairs, summary.clips) == (3, 3)


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


def test_the_source_is_not_replaced(tmp_path):
    source = tmp_path / 'v.mp4'
    segment_video(Halves(), frames(tmp_path / 'in'), source)
    content = source.read_bytes()
    (tmp_path / 'link.mp4').symlink_to(source)
    for out in (source, tmp_path / 'link.mp4'):
        with pytest.raises(ValueError, match=r'mp4 is the video to segment'):
            segment_video(Halves(), source, out)
    assert source.read_bytes() == content
    assert segment_video(Halves(), source, tmp_path / 'other.mp4').frames == 4


def test_masks_of_several_folders_lie_in_folders(tmp_path):
    for clip in ('a', 'b'):
        (tmp_path / 'in').mkdir(exist_ok=True)
        frames(tmp_path / 'in' / clip, count=2)
    segment_video(Halves(changing=True), tmp_path / 'in', masks=tmp_path / 'masks')
    found = sorted(tmp_path.glob('masks/**/*.png'))
    assert [str(path.relative_to(tmp_path / 'masks')) for path in found] == [
        'a/0000.png', 'a/0001.png', 'b/0000.png', 'b/0001.png',
    ]  # fmt: skip
    assert [cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[0, 0] for path in found] == [1, 2, 1, 2]


def test_masks_never_replace_frames(tmp_path):
    source = frames(tmp_path / 'in')
    before = {path: path.read_bytes() for path in source.iterdir()}
    (tmp_path / 'link').symlink_to(source)
    for folder in (source, tmp_path / 'link'):
        with pytest.raises(ValueError, match=r'the mask .*0000\.png would replace a frame of the source'):
            segment_video(Halves(), source, masks=folder)
    assert {path: path.read_bytes() for path in source.iterdir()} == before
    segment_video(Halves(), source, masks=source / 'masks')
    assert len(list((source / 'masks').iterdir())) == len(before)


def test_a_broken_video_leaves_no_result(tmp_path):
    source = tmp_path / 'v.avi'
    writer = cv2.VideoWriter(str(source), cv2.VideoWriter.fourcc(*'MJPG'), 10, (48, 32))
    for picture in np.random.default_rng(0).integers(0, 255, (20, 32, 48, 3), dtype=np.uint8):
        writer.write(picture)
    writer.release()
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(ValueError, match=r'v\.avi is damaged or cut short: decoded \d+ of 20 frames'):
        segment_video(Halves(), source, tmp_path / 'o.mp4')
    assert [path.name for path in tmp_path.iterdir()] == ['v.avi']


class Counting(Halves):
    """Counts how many of the last frames and predictions are still held."""

    def __init__(self):
        super().__init__()
        self.made, self.most = [], 0

    def __call__(self, frame):
        labels = super().__call__(frame)
        self.made += [weakref.ref(frame), weakref.ref(labels)]
        self.most = max(self.most, sum(reference() is not None for reference in self.made))
        return labels


@pytest.mark.parametrize('count', [30, 300])
def test_memory_does_not_grow_with_the_length(tmp_path, count):
    """Held are this frame and the one before, which may be being written, and what a thread lets go of later."""
    predictor = Counting()
    source = frames(tmp_path / 'in', count=1)
    for number in range(count):
        shutil.copyfile(source / '0000.png', source / f'{number + 1:04d}.png')
    metric = metrics()[0]
    metric.flow_estimator = lambda frame_a, *_: torch.zeros(len(frame_a), 2, *frame_a.shape[-2:])
    segment_video(predictor, source, tmp_path / 'o.mp4', metrics=[metric])
    assert len(predictor.made) == 2 * (count + 1)
    assert predictor.most <= 8
