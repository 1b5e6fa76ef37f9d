"""All frames of a sample, and the flow between them, through the same steps."""

import random

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from i2vda_mmseg.datasets.seeding import seeded

SIZE = (20, 28)


@TRANSFORMS.register_module(force=True)
class OwnNoise(BaseTransform):
    """Holds a generator of its own."""

    def __init__(self):
        self.generator = np.random.default_rng(3)

    def transform(self, results):
        return results | dict(img=results['img'] + self.generator.integers(0, 9, results['img'].shape, dtype=np.uint8))


@TRANSFORMS.register_module(force=True)
class NoiseOfAllGenerators(BaseTransform):
    def transform(self, results):
        noise = random.randrange(9) + np.random.randint(9) + int(torch.randint(9, ()))  # noqa: NPY002
        return results | dict(img=results['img'] + np.uint8(noise))


@TRANSFORMS.register_module(force=True)
class DrawsByBrightness(BaseTransform):
    def transform(self, results):
        np.random.rand(1 + (results['img'].mean() > 99))  # noqa: NPY002
        return results


def broadcaster(*steps, count=2, **options):
    mapping = dict(img=[f'frame_{i}' for i in range(count)], gt_seg_map=['gt_seg_map'] * count)
    options = dict(auto_remap=True, share_random_params=True) | options
    return TRANSFORMS.build(dict(type='TransformBroadcaster', mapping=mapping, transforms=list(steps), **options))


def still(count=2):
    """Give a sample of equal frames."""
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    labels = rng.integers(0, 3, SIZE, dtype=np.uint8)
    frames = {f'frame_{i}': frame.copy() for i in range(count)}
    return frames | dict(gt_seg_map=labels, seg_fields=['gt_seg_map'], img_shape=SIZE)


DRAWING = [
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomRotFlip', rotate_prob=0.5, flip_prob=0.5, degree=20),
    dict(type='RandomRotate', prob=0.8, degree=30),
    dict(type='RandomFlip', prob=[0.3, 0.3], direction=['horizontal', 'vertical']),
    dict(type='RandomCrop', crop_size=(12, 15), cat_max_ratio=0.5),
    dict(type='RandomCutOut', prob=0.8, n_holes=(1, 3), cutout_shape=[(3, 4), (5, 2)]),
    dict(type='RandomGrayscale', prob=0.5, keep_channels=True),
    dict(type='RandomResize', scale=(28, 20), ratio_range=(0.5, 2.0)),
    dict(type='RandomChoiceResize', scales=[(20, 28), (30, 40), (14, 10)], keep_ratio=False),
    dict(type='RandomApply', prob=0.5, transforms=[dict(type='PhotoMetricDistortion')]),
    dict(type='RandomChoice', transforms=[[dict(type='RandomFlip', prob=0.5)], [dict(type='PhotoMetricDistortion')]]),
    dict(type='NoiseOfAllGenerators'),
    dict(type='OwnNoise'),
]  # fmt: skip


@pytest.mark.parametrize('step', DRAWING, ids=lambda step: step['type'])
def test_frames_of_a_sample_are_treated_alike_and_samples_are_not(step):
    share = broadcaster(step, dict(type='RandomFlip', prob=0.5), count=3)
    seen = set()
    for position in range(20):
        with seeded(0, position):
            sample = share(still(3))
        assert np.array_equal(sample['frame_0'], sample['frame_1'])
        assert np.array_equal(sample['frame_0'], sample['frame_2'])
        seen.add(sample['frame_0'].tobytes())
    assert len(seen) > 1


def test_what_mmcv_shares_keeps_its_values():
    steps = [dict(type='RandomCrop', crop_size=(12, 15)), dict(type='RandomFlip', prob=0.5)]
    share = broadcaster(*steps)
    single = [TRANSFORMS.build(step) for step in steps]
    for position in range(8):
        with seeded(1, position):
            sample, following = share(still()), np.random.rand()  # noqa: NPY002
        with seeded(1, position):
            expected = still() | dict(img=still()['frame_0'])
            for step in single:
                expected = step(expected)
            assert following == np.random.rand()  # noqa: NPY002
        assert np.array_equal(sample['frame_1'], expected['img'])
        assert np.array_equal(sample['gt_seg_map'], expected['gt_seg_map'])


def test_unshared_steps_stay_mmcvs():
    alone = broadcaster(dict(type='NoiseOfAllGenerators'), share_random_params=False)
    with seeded(0, 0):
        sample = alone(still())
    assert not np.array_equal(sample['frame_0'], sample['frame_1'])


def test_a_step_whose_draws_depend_on_the_frame_is_refused_by_name():
    sample = still()
    sample.update(frame_0=np.full((*SIZE, 3), 20, np.uint8), frame_1=np.full((*SIZE, 3), 200, np.uint8))
    with pytest.raises(ValueError, match='DrawsByBrightness'):
        broadcaster(dict(type='DrawsByBrightness'))(sample)


def moving(seed=0):
    """Frame 0 made of frame 1 with a flow of whole pixels that stays inside: frame_0[p] is frame_1[p + flow(p)]."""
    rng = np.random.default_rng(seed)
    height, width = SIZE
    frame_1 = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    rows, columns = np.mgrid[:height, :width]
    there_rows, there_columns = (
        (place + rng.integers(-4, 5, SIZE)).clip(0, size - 1) for place, size in ((rows, height), (columns, width))
    )
    flow = np.stack((there_columns - columns, there_rows - rows), -1).astype(np.float32)
    frames = dict(frame_0=frame_1[there_rows, there_columns], frame_1=frame_1, flow_01=flow)
    return still() | frames


def follow(sample):
    """Share of frame 0's pixels that are where the flow says, among those that it says are inside; and how many."""
    height, width = sample['frame_0'].shape[:2]
    rows, columns = np.mgrid[:height, :width]
    flow = sample['flow_01'].astype(int)
    there = columns + flow[..., 0], rows + flow[..., 1]
    inside = (there[0] >= 0) & (there[0] < width) & (there[1] >= 0) & (there[1] < height)
    found = sample['frame_1'][there[1][inside], there[0][inside]]
    return (found == sample['frame_0'][inside]).all(-1).mean(), inside.sum()


@pytest.mark.parametrize('steps', [
    [dict(type='RandomFlip', prob=1.0)],
    [dict(type='RandomFlip', prob=1.0, direction='vertical')],
    [dict(type='RandomFlip', prob=1.0, direction='diagonal')],
    [dict(type='RandomCrop', crop_size=(12, 15))],
    [dict(type='DropBottomRows', rows=5)],
    [dict(type='RandomRotFlip', rotate_prob=0.0, flip_prob=1.0)],  # turns by right angles, then flips
    [dict(type='RandomCrop', crop_size=(15, 13)), dict(type='RandomFlip', prob=0.5),
     dict(type='RandomRotFlip', rotate_prob=0.0, flip_prob=0.5)],
])  # fmt: skip
def test_flow_moves_with_the_frames(steps):
    share = broadcaster(*steps)
    for position in range(6):
        sample = moving(position)
        assert follow(sample)[0] == 1.0
        with seeded(0, position):
            moved = share(sample)
        assert moved['flow_01'].dtype == np.float32
        assert moved['flow_01'].shape[:2] == moved['frame_0'].shape[:2]
        right, count = follow(moved)
        assert right == 1.0
        assert count > 50
        assert moved['seg_fields'] == ['gt_seg_map']


def test_other_colours_leave_flow_as_it_is():
    with seeded(0, 3):
        sample = broadcaster(dict(type='PhotoMetricDistortion'))(moving())
    assert not np.array_equal(sample['frame_1'], moving()['frame_1'])
    assert np.array_equal(sample['flow_01'], moving()['flow_01'])


@pytest.mark.parametrize('step', [
    dict(type='Resize', scale=(14, 10), keep_ratio=False),
    dict(type='Resize', scale=(40, 20), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='RandomRotate', prob=1.0, degree=(20, 21)),
    dict(type='Pad', size=(32, 32)),
], ids=lambda step: step['type'])  # fmt: skip
def test_steps_that_flow_cannot_follow_are_refused_by_name(step):
    with pytest.raises(ValueError, match=f'flow cannot follow {step["type"]}.* LoadFlow or EstimateFlow after it'):
        broadcaster(dict(type='RandomFlip', prob=0.5), step)(moving())
    broadcaster(step)({key: value for key, value in moving().items() if key != 'flow_01'})


def test_what_is_made_of_the_frames_comes_after_their_steps():
    for sample, options in ((moving() | dict(frame_t=0), {}), (moving(), dict(share_random_params=False))):
        with pytest.raises(ValueError, match=r'before TemporalAugmentation.*share_random_params=True'):
            broadcaster(dict(type='RandomFlip', prob=0.5), **options)(sample)
