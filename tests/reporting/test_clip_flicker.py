import numpy as np
import pytest
import torch

from i2vda_mmseg.evaluation import temporal_consistency
from i2vda_mmseg.flow import DISFlow
from i2vda_mmseg.reporting.clip_flicker import FlickerMeter, draw_flicker, flows_along

HEIGHT, WIDTH = 40, 64


def moving(count=4):
    texture = np.random.default_rng(0).integers(0, 256, (HEIGHT // 8, WIDTH // 4, 3), dtype=np.uint8)
    wide = texture.repeat(8, 0).repeat(8, 1)
    return [np.ascontiguousarray(wide[:, index : index + WIDTH]) for index in range(count)]


def test_each_pair_is_measured_as_the_metric_does():
    frames = moving()
    labels = [torch.from_numpy(np.random.default_rng(n).integers(0, 3, (HEIGHT, WIDTH))).byte() for n in range(4)]
    meter = FlickerMeter(flows_along(frames, (WIDTH, HEIGHT)), num_classes=3)
    found = [value for each in labels for value in meter.add(each)]
    expected = [
        100 * temporal_consistency(labels[n : n + 2], [f[..., ::-1] for f in frames[n : n + 2]], DISFlow(), 3).flicker
        for n in range(3)
    ]
    assert found == pytest.approx(expected)


def test_steady_labels_do_not_flicker():
    meter = FlickerMeter(flows_along(moving(3), (WIDTH, HEIGHT)), num_classes=3)
    still = torch.ones(HEIGHT, WIDTH, dtype=torch.uint8)
    assert [meter.add(still) for _ in range(3)] == [[], [0.0], [0.0]]


def test_a_point_stands_at_the_later_frame_and_gaps_are_left_out():
    chart = draw_flicker([(0, [1.0, float('nan'), 3.0]), (2, [])])
    assert chart.drawings[0]['reader']['curves'] == [dict(run=0, x=[2.0, 4.0], y=[1.0, 3.0])]
    assert chart.drawings[0]['reader']['axis'] == 'frame'
    assert draw_flicker([(0, [])]) is None
