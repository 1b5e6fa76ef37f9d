"""Frames in memory."""

import numpy as np
import pytest

from i2vda_mmseg.datasets.class_spaces import (
    CITYSCAPES_RAW_IDS,
    CITYSCAPES_TO_12,
    CITYSCAPES_TO_15,
    SYNTHIA_RAW_IDS,
    SYNTHIA_TO_12,
    VIPER_RAW_IDS,
    VIPER_TO_15,
)
from i2vda_mmseg.streetworld import CLASS_NAMES, GAME, LABELLED_TIME, raw_labels, render_clip, render_still

SIZE = (48, 96)


@pytest.fixture(scope='module')
def stills():
    return [render_still((0, index), (64, 128)) for index in range(12)]


def test_a_frame_is_what_it_says():
    frame = render_clip(0, 1, SIZE)[0]
    assert (frame.rgb.shape, frame.rgb.dtype) == ((*SIZE, 3), np.uint8)
    assert (frame.classes.shape, frame.classes.dtype) == (SIZE, np.uint8)
    assert (frame.surfaces.shape, frame.surfaces.dtype) == (SIZE, np.int32)
    assert frame.surfaces.max() < len(frame.homographies)
    assert frame.classes.max() < len(CLASS_NAMES)


@pytest.mark.parametrize(('frames', 'first'), [(2, 18), (20, 0), (30, 0)])
def test_clips_reach_the_labelled_frame(frames, first):
    times = [frame.time for frame in render_clip(0, frames, (16, 24))]
    assert times == list(range(first, first + frames))
    assert LABELLED_TIME in times


def test_a_seed_is_a_street():
    first, again, other = (render_clip(seed, 2, SIZE) for seed in (3, 3, 4))
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.surfaces, b.surfaces)
    assert (first[1].classes != other[1].classes).mean() > 0.1


def test_the_global_generator_decides_nothing():
    np.random.seed(0)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    render_clip(0, 1, SIZE)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_looks_share_geometry_but_not_colours():
    camera, game = render_clip(5, 1, SIZE)[0], render_clip(5, 1, SIZE, look=GAME)[0]
    np.testing.assert_array_equal(camera.classes, game.classes)
    saturation = [np.ptp(frame.rgb.astype(int), axis=-1).mean() for frame in (camera, game)]
    assert saturation[0] < 0.8 * saturation[1]


@pytest.mark.parametrize(
    ('dataset', 'raw_ids', 'tables'),
    [
        ('viper', VIPER_RAW_IDS, [VIPER_TO_15]),
        ('synthia', SYNTHIA_RAW_IDS, [SYNTHIA_TO_12]),
        ('cityscapes', CITYSCAPES_RAW_IDS, [CITYSCAPES_TO_15, CITYSCAPES_TO_12]),
    ],
)
def test_every_class_occurs(stills, dataset, raw_ids, tables):
    seen = {int(raw) for still in stills for raw in np.unique(still.labels(dataset))}
    assert seen <= set(raw_ids.values())
    for table in tables:
        assert {table[raw] for raw in seen if raw in table} == set(table.values())


def test_small_classes_are_not_specks(stills):
    for name in ('traffic light', 'traffic sign', 'person', 'bicycle', 'motorcycle', 'pole', 'terrain', 'fence'):
        share = np.mean([still.classes == CLASS_NAMES.index(name) for still in stills])
        assert share > 0.002, name


@pytest.mark.parametrize('size', [(16, 24), (96, 192), (128, 160), (90, 64)])
def test_any_size_works(size):
    frame = render_clip(0, 1, size)[0]
    assert frame.rgb.shape == (*size, 3)
    assert {'sky', 'road'} <= {CLASS_NAMES[index] for index in np.unique(frame.classes)}


@pytest.mark.parametrize(('frames', 'size'), [(0, SIZE), (1, (8, 96))])
def test_nothing_to_render_is_refused(frames, size):
    with pytest.raises(ValueError, match='at least 1 frame of at least 16 x 16'):
        render_clip(0, frames, size)


def test_unknown_data_sets_are_refused():
    with pytest.raises(ValueError, match=r"Unknown data set 'kitti'; known are \['cityscapes', 'synthia', 'viper'\]"):
        raw_labels(np.zeros(SIZE, np.uint8), 'kitti')
