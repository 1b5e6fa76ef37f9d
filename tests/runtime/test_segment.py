import threading

import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.runtime.segment import segment_stream
from i2vda_mmseg.runtime.sinks import Sinks
from i2vda_mmseg.runtime.video_loop import Taken, bgr_palette


class Brightness:
    """Labels a frame by its first value, and keeps the sizes of its batches."""

    palette = ((0, 0, 0), (255, 0, 0))

    def __init__(self):
        self.batches, self.clips, self.threads = [], 0, set()

    def begin_clip(self):
        self.clips += 1

    def label(self, frames):
        self.batches.append(len(frames))
        self.threads.add(threading.current_thread())
        return [frame[..., 0] for frame in frames]


class Recorder:
    def __init__(self):
        self.values = []

    def write(self, picture):
        self.values.append(int(picture[0, 0, 0]))


def frames(values, starts=(0,), times=None):
    for i, value in enumerate(values):
        image = np.full((4, 6, 3), value, np.uint8)
        yield Taken(f'{i:06d}', image, i in starts, len(values), times[i] if times else 0.0)


@pytest.mark.parametrize(('batch', 'batches'), [(1, [1] * 7), (3, [3, 1, 3]), (10, [4, 3])])
def test_frames_keep_their_order_and_batches_keep_to_a_clip(batch, batches):
    labeller, writer, told = Brightness(), Recorder(), []
    sinks = Sinks([bgr_palette(labeller.palette)], 0.0, writer)
    summary = segment_stream([labeller], frames(range(7), starts=(0, 4)), sinks, batch, progress=told.append)
    assert writer.values == list(range(7))
    assert labeller.batches == batches
    assert (labeller.clips, summary.frames, told[-1].done, told[-1].total) == (2, 7, 7, 7)
    assert np.isnan(summary.latency)


def test_a_live_frame_is_written_for_as_long_as_it_was_seen():
    labeller, writer = Brightness(), Recorder()
    times = [100.0, 100.1, 100.4, 100.41, 100.6]  # at ten a second: one is seen for three frames, one for none
    summary = segment_stream(
        [labeller], frames(range(5), times=times), Sinks([bgr_palette(labeller.palette)], 0.0, writer), fps=10.0
    )
    assert writer.values == [0, 1, 2, 2, 2, 4, 4]
    assert summary.frames == 5


def test_the_network_runs_in_the_callers_thread_and_errors_of_others_come_through():
    labeller = Brightness()

    class Full(Recorder):
        def write(self, picture):
            raise OSError('no space')

    with pytest.raises(OSError, match='no space'):
        segment_stream([labeller], frames(range(3)), Sinks([bgr_palette(labeller.palette)], 0.0, Full()))
    assert labeller.threads == {threading.current_thread()}


def test_several_networks_are_put_side_by_side_and_masks_are_of_the_first(tmp_path):
    class Other(Brightness):
        def label(self, frames):
            return [1 - labels for labels in super().label(frames)]

    pictures = []
    writer = type('Writer', (), dict(write=staticmethod(pictures.append)))()
    palettes = [bgr_palette([(0, 0, 0), (255, 0, 0)]), bgr_palette([(0, 9, 0), (0, 0, 255)])]
    sinks = Sinks(palettes, 1.0, writer, tmp_path, finish=lambda picture: picture[:2])
    segment_stream([Brightness(), Other()], frames([0, 1]), sinks)
    assert [picture.shape for picture in pictures] == [(2, 12, 3)] * 2
    assert [picture[0, [0, 11]].tolist() for picture in pictures] == [
        [[0, 0, 0], [255, 0, 0]],
        [[0, 0, 255], [0, 9, 0]],
    ]
    assert [Image.open(tmp_path / f'{number:06d}.png').getextrema() for number in (0, 1)] == [(0, 0), (1, 1)]
