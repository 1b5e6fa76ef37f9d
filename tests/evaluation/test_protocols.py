"""What each protocol counts, from the raw ids on disk to the figure."""

import numpy as np
import pytest
import torch
from datasets.trees import cityscapes, frame_name, image, label_path, write_index_label
from mmseg.registry import DATASETS, METRICS

from i2vda_mmseg.datasets.class_spaces import CLASS_SPACES
from i2vda_mmseg.evaluation import PROTOCOLS

PIPELINE = [dict(type='LoadImage'), dict(type='LoadRawLabels'), dict(type='PackSegInputs')]
RAW = dict(road=7, sidewalk=8, fence=13, person=24, rider=25, car=26, wall=12)
SHAPE = image().shape[:2]


def data_set(root, raw_label, protocol, **overrides):
    """One labelled frame of Cityscapes, read as the protocol says."""
    name = frame_name(19)
    cityscapes(root, [name])
    write_index_label(label_path(root, name), raw_label)
    wanted = PROTOCOLS[protocol]
    cfg = dict(type='CityscapesSeqDataset', data_root=str(root), class_space=wanted.class_space, pipeline=PIPELINE)
    if wanted.classes != CLASS_SPACES[wanted.class_space][0]['classes']:
        cfg['metainfo'] = dict(classes=wanted.classes)
    return DATASETS.build(cfg | overrides)


def measure(dataset, protocol, predicted):
    """Compare a prediction, by class names, with the data set's only label."""
    sample = dataset[0]['data_samples'].to_dict()
    classes = PROTOCOLS[protocol].classes
    rows = [[classes.index(name) for name in row] for row in predicted]
    prediction = torch.zeros(sample['gt_sem_seg']['data'].shape, dtype=torch.long)
    prediction[0, : len(rows), : len(rows[0])] = torch.tensor(rows)
    metric = METRICS.build(dict(type='DomainIoUMetric', protocol=protocol))
    metric.dataset_meta = dataset.metainfo
    metric.process({}, [sample | dict(pred_sem_seg=dict(data=prediction))])
    return metric.evaluate(1)


def label_of(rows):
    """Raw ids by name; everything around is unlabelled."""
    label = np.zeros(SHAPE, np.uint8)
    label[: len(rows), : len(rows[0])] = [[RAW[name] for name in row] for row in rows]
    return label


def test_synthia11_by_hand(tmp_path):
    """Confusion: road 4 hits, 1 taken for fence; fence 2 hits, 2 taken for car; car 2 hits, 1 taken for road."""
    label = label_of([['road'] * 5 + ['fence'] * 4 + ['car'] * 3])
    predicted = [['road'] * 4 + ['fence'] + ['fence'] * 2 + ['car'] * 2 + ['car'] * 2 + ['road']]
    metrics = measure(data_set(tmp_path, label, 'synthia11'), 'synthia11', predicted)
    assert metrics['IoU/road'] == pytest.approx(100 * 4 / (4 + 1 + 1))  # the miss went to fence
    assert metrics['IoU/car'] == pytest.approx(100 * 2 / (2 + 1 + 2))  # two fences are false alarms
    assert metrics['mIoU'] == pytest.approx(100 * (4 / 6 + 2 / 5) / 2)
    assert metrics['mAcc'] == pytest.approx(100 * (4 / 5 + 2 / 3) / 2)
    assert metrics['aAcc'] == pytest.approx(100 * 8 / 12, abs=0.01)
    assert 'IoU/fence' not in metrics


def test_synthia11_strict_ignores_fence_on_disk(tmp_path):
    """The same street: the four fence pixels count nowhere."""
    label = label_of([['road'] * 5 + ['fence'] * 4 + ['car'] * 3])
    predicted = [['road'] * 4 + ['sky'] + ['road'] * 2 + ['car'] * 2 + ['car'] * 2 + ['road']]
    metrics = measure(data_set(tmp_path, label, 'synthia11-strict'), 'synthia11-strict', predicted)
    assert metrics['IoU/road'] == pytest.approx(100 * 4 / (4 + 1 + 1))
    assert metrics['IoU/car'] == pytest.approx(100 * 2 / (2 + 1))
    assert metrics['IoU/sky'] == 0


RIDERS = [['person', 'person', 'rider', 'rider', 'rider', 'road', 'road', 'wall']]
SEEN = [['person', 'road', 'person', 'person', 'bicycle', 'road', 'person', 'car']]


@pytest.mark.parametrize(('protocol', 'person', 'bicycle'), [
    ('viper15', 3 / (5 + 1), 0.0),  # riders are persons: 3 of 5 found, 1 false alarm
    ('viper15-no-rider', 1 / (2 + 1), float('nan')),  # 1 of 2 found; what is said of riders counts nowhere
])  # fmt: skip
def test_riders(tmp_path, protocol, person, bicycle):
    metrics = measure(data_set(tmp_path, label_of(RIDERS), protocol), protocol, SEEN)
    assert metrics['IoU/person'] == pytest.approx(100 * person)
    assert metrics['IoU/bicycle'] == pytest.approx(100 * bicycle, nan_ok=True)
    assert metrics['IoU/road'] == pytest.approx(100 * 1 / 3)
    assert np.isnan(metrics['IoU/car'])  # a wall is ignored, whatever is said of it


@pytest.mark.parametrize(('protocol', 'space'), [('viper15', 'viper15-no-rider'), ('viper15-no-rider', 'viper15')])
def test_data_set_and_metric_must_agree_on_riders(tmp_path, protocol, space):
    dataset = data_set(tmp_path, label_of(RIDERS), protocol, class_space=space)
    with pytest.raises(ValueError, match=rf"'{protocol}' .*disagree.*25 \(rider\); set class_space='{protocol}'"):
        measure(dataset, protocol, SEEN)


def test_labels_must_not_be_resized(tmp_path):
    pipeline = [*PIPELINE[:2], dict(type='Resize', scale=(6, 4), keep_ratio=False), PIPELINE[2]]
    dataset = data_set(tmp_path, label_of(RIDERS), 'viper15', pipeline=pipeline)
    with pytest.raises(ValueError, match=r'native size of the labels, \(8, 12\) .*comes as \(4, 6\)'):
        measure(dataset, 'viper15', [['road']])


def test_ignored_ids_and_defaults():
    never = {0, 1, 2, 3, 4, 5, 6, 9, 10, 12, 14, 15, 16, 18, 29, 30, 31, 255}
    assert set(PROTOCOLS['viper15'].ignored_ids) == never | {17}
    assert set(PROTOCOLS['viper15-no-rider'].ignored_ids) == never | {17, 25}
    assert set(PROTOCOLS['synthia11'].ignored_ids) == never | {22, 27, 28, 32, 33}
    assert set(PROTOCOLS['synthia11-strict'].ignored_ids) == never | {13, 22, 27, 28, 32, 33}
    assert all(protocol[-3:] == ('native', 'native', 'last') for protocol in PROTOCOLS.values())


def test_many_images_are_summed_exactly(tmp_path):
    """Single precision loses odd counts beyond 2^24."""
    metric = METRICS.build(dict(type='DomainIoUMetric', protocol='viper15'))
    metric.dataset_meta = dict(classes=PROTOCOLS['viper15'].classes)
    area = torch.zeros(15)
    area[0] = 2.0**24 - 1
    one = torch.zeros(15)
    one[0] = 1
    results = [(area, area, area, area, '')] * 3 + [(0 * one, one, one, 0 * one, '')] * 2
    metrics = metric.compute_metrics(results)
    assert metrics['IoU/road'] == 100 * (3 * (2**24 - 1)) / (3 * (2**24 - 1) + 2)
