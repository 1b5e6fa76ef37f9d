import numpy as np
import pytest
import torch
from mmseg.registry import METRICS

from i2vda_mmseg.datasets.class_spaces import CLASSES_15
from i2vda_mmseg.evaluation import ClipCounts, intervals, paired_intervals, read_clip_counts, write_clip_counts
from i2vda_mmseg.evaluation.bootstrap import draw_clips, interval_of
from i2vda_mmseg.evaluation.clip_counts import clips_of_images


def counted(intersection, union=None, **more):
    """Counts of clips of which each row is one."""
    areas = np.asarray(intersection)
    whole = np.full_like(areas, 100) if union is None else np.asarray(union)
    names = [f'c{number:04d}' for number in range(len(areas))]
    classes = [f'class {number}' for number in range(areas.shape[1])]
    return ClipCounts.of(names, classes, dict(intersection=areas, union=whole), **more)


def test_the_interval_is_that_of_the_binomial_distribution():
    """Half of 400 clips are right, half are wrong: the mean of a draw is binomial, with a deviation of 1/40."""
    interval = intervals(counted([[0], [100]] * 200))['mean']
    assert interval.low == pytest.approx(0.5 - 1.96 / 40, abs=0.004)
    assert interval.high == pytest.approx(0.5 + 1.96 / 40, abs=0.004)


def test_clips_that_are_all_alike_leave_no_doubt():
    counts = counted([[30, 80]] * 12)
    assert intervals(counts)['mean'] == pytest.approx((0.55, 0.55))


def test_what_is_hard_for_both_cancels_out():
    rng = np.random.default_rng(0)
    base = rng.integers(10, 80, (60, 3))
    first, other = counted(base), counted(base + rng.integers(1, 4, base.shape))
    alone, paired = intervals(first)['mean'], paired_intervals(other, first)
    assert 0.01 < paired['mean'].low < paired['mean'].high < 0.03  # of 1 to 3 of 100 pixels
    assert alone.high - alone.low > 5 * (paired['mean'].high - paired['mean'].low)
    assert all(paired[f'class {number}'].excludes_zero for number in range(3))
    assert not paired_intervals(first, first)['mean'].excludes_zero


def test_a_draw_counts_pixels_and_not_means_of_clips():
    """Against a loop over the clips of each draw, of clips of very different sizes and a class that some lack."""
    rng = np.random.default_rng(1)
    union = rng.integers(0, 500, (11, 4)) * (rng.random((11, 4)) < 0.7)
    intersection = (union * rng.random((11, 4))).astype(int)
    drawn = draw_clips(counted(intersection, union), draws=5, seed=3)
    weights = np.random.default_rng(3).multinomial(11, np.full(11, 1 / 11), size=5)
    for mean, classes, weight in zip(drawn.mean, drawn.classes, weights):
        chosen = [clip for clip, times in enumerate(weight) for _ in range(times)]
        parts, wholes = sum(intersection[clip] for clip in chosen), sum(union[clip] for clip in chosen)
        expected = [part / whole if whole else np.nan for part, whole in zip(parts, wholes)]
        np.testing.assert_allclose(classes, expected)
        assert mean == pytest.approx(np.nanmean(expected))


def test_an_absent_class_counts_as_the_metric_says():
    union = [[100, 0]] * 10
    assert draw_clips(counted([[50, 0]] * 10, union)).mean[0] == 0.5
    assert draw_clips(counted([[50, 0]] * 10, union, absent=0.0)).mean[0] == 0.25


def test_too_few_clips_and_other_clips_give_no_interval():
    nine, ten = counted([[50]] * 9), counted([[50]] * 10)
    assert (intervals(nine), paired_intervals(nine, nine)) == ({}, {})
    renamed = ten._replace(clips=tuple(f'other {name}' for name in ten.clips))
    assert paired_intervals(ten, renamed) == {}
    assert set(paired_intervals(ten, ten)) == {'mean', 'class 0'}
    assert interval_of(np.array([0.5, np.nan])) is None  # some draws lack the class


def test_the_order_of_the_clips_does_not_matter_and_parts_add_up():
    areas = np.arange(48).reshape(24, 2)
    names = [f'c{number % 12:02d}' for number in range(24)]  # each clip in two parts
    columns = dict(intersection=areas, union=areas + 50, changed=areas[:, 0], valid=areas[:, 0] + 9)
    whole = ClipCounts.of(names, 'ab', columns)
    order = np.random.default_rng(0).permutation(24)
    mixed = ClipCounts.of([names[i] for i in order], 'ab', {name: values[order] for name, values in columns.items()})
    np.testing.assert_equal(mixed, whole)
    assert whole.intersection[3].tolist() == (areas[3] + areas[15]).tolist()
    assert intervals(mixed) == intervals(whole)
    assert set(intervals(whole)) == {'mean', 'flicker'}


def test_images_that_follow_each_other_are_one_clip():
    drive = [f'/data/val/day/drive_{number}.jpg' for number in (8, 9, 10, 30)]
    assert clips_of_images(drive) == ['day/drive_8', 'day/drive_8', 'day/drive_8', 'day/drive_30']
    cityscapes = [f'/d/val/ulm/ulm_000000_{number:06d}_leftImg8bit.png' for number in (19, 49, 79)]
    assert len(set(clips_of_images(cityscapes))) == 3
    assert clips_of_images(['a/x1.png', 'a/x01.png']) == ['a/x1', 'a/x01']


def test_the_file_gives_back_what_was_counted(tmp_path):
    found = dict(mIoU=counted([[1, 2]] * 3), TC=counted([[3, 4]] * 3, absent=0.0)._replace(
        changed=np.arange(3), valid=np.arange(3) + 5))  # fmt: skip
    back = read_clip_counts(write_clip_counts(tmp_path / 'new/clips.json', found))
    np.testing.assert_equal(back, found)


@pytest.mark.parametrize('content', ['[', '[1]', '{"mIoU": 3}', '{"mIoU": {"clips": ["a"]}}', '[' * 99_999])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / 'clips.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=r'does not hold the counts|Expecting'):
        read_clip_counts(path)


def test_counts_that_do_not_fit_their_names_are_refused(tmp_path):
    path = write_clip_counts(tmp_path / 'clips.json', dict(mIoU=counted([[1, 2]])))
    path.write_text(path.read_text().replace('[[1, 2]]', '[[1, 2], [3, 4]]'))
    with pytest.raises(ValueError, match='1 clips and 2 classes are named'):
        read_clip_counts(path)


def test_the_metric_keeps_what_it_counted_on_each_clip():
    metric = METRICS.build(dict(type='DomainIoUMetric', protocol='viper15'))
    metric.dataset_meta = dict(classes=CLASSES_15)
    rng = np.random.default_rng(0)
    for number in range(4):  # frames 0, 1, 2 follow each other, and 9 stands alone
        label, prediction = torch.from_numpy(rng.integers(0, 15, (2, 1, 6, 9)))
        path = f'/data/ulm/ulm_{(0, 1, 2, 9)[number]}.png'
        sample = dict(gt_sem_seg=dict(data=label), pred_sem_seg=dict(data=prediction), img_path=path)
        metric.process({}, [sample])
    figures = metric.evaluate(4)
    counts = metric.clip_counts
    assert counts.clips == ('ulm/ulm_0', 'ulm/ulm_9')
    ious = counts.class_iou(np.ones((1, 2), int))[0]
    assert {name: 100 * iou for name, iou in zip(counts.classes, ious)} == pytest.approx(
        {name.removeprefix('IoU/'): value for name, value in figures.items() if name.startswith('IoU/')}
    )
