import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from i2vda_mmseg.datasets.class_spaces import CLASSES_12, CLASSES_15
from i2vda_mmseg.evaluation import PROTOCOLS


def sample(label, prediction):
    return dict(
        gt_sem_seg=dict(data=torch.as_tensor(label)[None]), pred_sem_seg=dict(data=torch.as_tensor(prediction)[None])
    )


def evaluate(protocol, classes, *pairs, **options):
    """Feed (label, prediction) pairs one by one, as the test loop does."""
    metric = METRICS.build(dict(type='DomainIoUMetric', protocol=protocol, **options))
    metric.dataset_meta = dict(classes=classes)
    for pair in pairs:
        metric.process({}, [sample(*pair)])
    return metric.evaluate(len(pairs))


def iou_reference(classes, *pairs):
    """By class, from one confusion matrix counted pixel by pixel."""
    confusion = np.zeros((classes, classes))
    for label, prediction in pairs:
        for row, column in zip(np.ravel(label), np.ravel(prediction)):
            if row != 255:
                confusion[row, column] += 1
    union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    return np.where(union > 0, 100 * confusion.diagonal() / np.where(union > 0, union, 1), np.nan)


LABEL = [[0, 0, 1, 255], [0, 9, 9, 255]]
PREDICTION = [[0, 1, 1, 5], [0, 9, 0, 0]]


def test_by_hand():
    """Road: 2 of 4 (a miss and a false alarm); sidewalk: 1 of 2; person: 1 of 2. Ignored pixels count nowhere."""
    metrics = evaluate('viper15', CLASSES_15, (LABEL, PREDICTION))
    assert metrics['IoU/road'] == pytest.approx(50)
    assert metrics['IoU/sidewalk'] == pytest.approx(50)
    assert metrics['IoU/person'] == pytest.approx(50)
    assert metrics['mIoU'] == pytest.approx(50)
    assert metrics['aAcc'] == pytest.approx(100 * 4 / 6, abs=0.01)
    absent = {name for name in CLASSES_15 if np.isnan(metrics[f'IoU/{name}'])}
    assert absent == set(CLASSES_15) - {'road', 'sidewalk', 'person'}


def test_one_confusion_over_the_set_not_a_mean_over_images():
    pairs = [([[0, 0, 0, 1]], [[0, 0, 0, 1]]), ([[0, 1, 1, 1]], [[1, 1, 1, 1]])]
    metrics = evaluate('viper15', CLASSES_15, *pairs)
    assert metrics['IoU/road'] == pytest.approx(75)
    assert metrics['IoU/sidewalk'] == pytest.approx(80)
    assert metrics['mIoU'] == pytest.approx(77.5)


def random_pairs(classes, count=4):
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(count):
        label = rng.integers(0, classes, (6, 9))
        prediction = np.where(rng.random((6, 9)) < 0.6, label, rng.integers(0, classes, (6, 9)))
        label[rng.random((6, 9)) < 0.2] = 255
        pairs.append((label, prediction))
    return pairs


@pytest.mark.parametrize(('protocol', 'classes'), [('viper15', CLASSES_15), ('synthia11', CLASSES_12)])
def test_agrees_with_reference(protocol, classes):
    pairs = random_pairs(len(classes))
    metrics = evaluate(protocol, classes, *pairs)
    expected = dict(zip(classes, iou_reference(len(classes), *pairs)))
    if protocol == 'synthia11':
        del expected['fence']
    assert {name for name in metrics if name.startswith('IoU/')} == {f'IoU/{name}' for name in expected}
    for name, value in expected.items():
        assert metrics[f'IoU/{name}'] == pytest.approx(value)
    assert metrics['mIoU'] == pytest.approx(np.mean(list(expected.values())))


def test_all_classes_equal_the_hosts_metric():
    pairs = random_pairs(15)
    host = IoUMetric()
    host.dataset_meta = dict(classes=CLASSES_15)
    for pair in pairs:
        host.process({}, [sample(*pair)])
    expected, metrics = host.evaluate(4), evaluate('viper15', CLASSES_15, *pairs)
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, abs=0.006)  # the host rounds to two digits


def counted(classes, pairs):
    """Hits, pixels predicted as and pixels labelled as each class, from a confusion matrix."""
    confusion = np.zeros((classes, classes))
    for label, prediction in pairs:
        for row, column in zip(np.ravel(label), np.ravel(prediction)):
            if row != 255:
                confusion[row, column] += 1
    return confusion.diagonal(), confusion.sum(0), confusion.sum(1)


@pytest.mark.parametrize(('protocol', 'classes'), [('viper15', CLASSES_15), ('synthia11', CLASSES_12)])
def test_dice_and_f_score_follow_the_protocol_too(protocol, classes):
    pairs = random_pairs(len(classes))
    options = dict(iou_metrics=['mIoU', 'mDice', 'mFscore'], beta=2)
    metrics = evaluate(protocol, classes, *pairs, **options)
    hits, predicted, labelled = counted(len(classes), pairs)
    kept = np.array([name not in PROTOCOLS[protocol].not_reported for name in classes])
    precision, recall = hits / predicted, hits / labelled
    expected = dict(
        IoU=hits / (predicted + labelled - hits),
        Dice=2 * hits / (predicted + labelled),
        Fscore=5 * precision * recall / (4 * precision + recall),
        Acc=recall,
        Precision=precision,
        Recall=recall,
    )
    for name, values in expected.items():
        assert metrics[f'm{name}'] == pytest.approx(100 * values[kept].mean())
    for name in ('IoU', 'Dice', 'Fscore'):
        rows = {key.partition('/')[2]: value for key, value in metrics.items() if key.startswith(f'{name}/')}
        assert rows == pytest.approx(dict(zip(np.array(classes)[kept].tolist(), 100 * expected[name][kept])))
    only_dice = evaluate(protocol, classes, *pairs, iou_metrics='mDice')
    assert only_dice['mDice'] == metrics['mDice']
    assert 'mIoU' not in only_dice


def test_a_class_without_a_hit_has_the_f_score_zero():
    metrics = evaluate('viper15', CLASSES_15, ([[0, 0, 0, 2]], [[0, 0, 1, 0]]), iou_metrics=['mDice', 'mFscore'])
    assert metrics['Fscore/building'] == metrics['Fscore/sidewalk'] == 0
    assert metrics['mFscore'] == pytest.approx(metrics['mDice']) == pytest.approx(100 * (4 / 6) / 3)


def test_what_an_absent_class_counts_as():
    metrics = evaluate('viper15', CLASSES_15, ([[0, 0]], [[0, 0]]), nan_to_num=0)
    assert metrics['IoU/bus'] == 0
    assert metrics['mIoU'] == pytest.approx(100 / 15)


@pytest.mark.parametrize('wrong', [['mIoU', 'mAcc'], 'IoU', []])
def test_unknown_metrics_are_refused_at_once(wrong):
    with pytest.raises(ValueError, match='iou_metrics must be some of'):
        METRICS.build(dict(type='DomainIoUMetric', protocol='viper15', iou_metrics=wrong))


def test_fence_is_counted_but_not_reported():
    """A fence taken for road is an error of road's; a road taken for fence is a miss of road's."""
    road, sidewalk, fence = (CLASSES_12.index(name) for name in ('road', 'sidewalk', 'fence'))
    label = [[road, road, road, fence, fence, sidewalk]]
    prediction = [[road, road, fence, road, fence, sidewalk]]
    metrics = evaluate('synthia11', CLASSES_12, (label, prediction))
    assert metrics['IoU/road'] == pytest.approx(50)  # 2 hits, 1 miss, 1 false alarm
    assert metrics['mIoU'] == pytest.approx(75)  # road and sidewalk; fence would make it 61.1
    assert 'IoU/fence' not in metrics


def test_mean_accuracy_is_of_the_reported_classes():
    road, fence = CLASSES_12.index('road'), CLASSES_12.index('fence')
    metrics = evaluate('synthia11', CLASSES_12, ([[road, road, fence, fence]], [[road, road, road, road]]))
    assert metrics['mAcc'] == pytest.approx(100)  # road's recall; with fence's it would be 50


def test_class_without_a_hit_counts_as_zero():
    """Present in the labels or predicted in vain: 0; neither: left out."""
    metrics = evaluate('viper15', CLASSES_15, ([[0, 0, 0, 2]], [[0, 0, 1, 0]]))
    assert metrics['IoU/building'] == 0
    assert metrics['IoU/sidewalk'] == 0
    assert metrics['mIoU'] == pytest.approx(100 * (2 / 4 + 0 + 0) / 3)


@pytest.mark.parametrize(('protocol', 'classes'), [
    ('viper15', CLASSES_12), ('synthia11', CLASSES_15), ('synthia11', tuple(f'class {i}' for i in range(12))),
    ('viper15', CLASSES_15[:-1]),
])  # fmt: skip
def test_other_classes_than_the_protocols(protocol, classes):
    with pytest.raises(ValueError, match=rf"'{protocol}' is about {PROTOCOLS[protocol].trained} classes.*has "):
        evaluate(protocol, classes, ([[0, 1, 1]], [[0, 1, 0]]))


def test_unknown_protocol():
    with pytest.raises(ValueError, match=r"'synthia11-strict', 'viper15', 'viper15-no-rider'.*got 'gta19'"):
        METRICS.build(dict(type='DomainIoUMetric', protocol='gta19'))


def test_protocols_fit_the_class_spaces():
    assert PROTOCOLS['viper15'].trained == len(CLASSES_15) == 15
    assert PROTOCOLS['synthia11'].trained == len(CLASSES_12) == 12
    assert len(set(CLASSES_12) - set(PROTOCOLS['synthia11'].not_reported)) == 11
