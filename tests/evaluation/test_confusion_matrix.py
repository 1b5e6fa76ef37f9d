import json

import numpy as np
import pytest
import torch

from i2vda_mmseg.evaluation import ConfusionMatrix
from i2vda_mmseg.evaluation.confusion_matrix import confusion


def sample(label, predicted):
    return {
        key: {'data': torch.from_numpy(value)[None]}
        for key, value in (('gt_sem_seg', label), ('pred_sem_seg', predicted))
    }


def test_counts_are_those_of_a_loop_whatever_the_batches(tmp_path):
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 4, (3, 5, 7)), rng.integers(0, 3, (3, 5, 7))
    labels[labels == 3] = 255
    metric = ConfusionMatrix(out=str(tmp_path / 'confusion.json'))
    metric.dataset_meta = dict(classes=('road', 'car', 'sky'))
    pairs = [sample(*pair) for pair in zip(labels, predictions)]
    metric.process(None, pairs[:1])
    metric.process(None, pairs[1:])
    figures = metric.evaluate(3)
    expected = np.zeros((3, 3), int)
    for label, predicted in zip(labels.flat, predictions.flat):
        if label != 255:
            expected[label, predicted] += 1
    content = json.loads((tmp_path / 'confusion.json').read_text())
    assert content == dict(classes=['road', 'car', 'sky'], counts=expected.tolist())
    assert figures == {'pixel_accuracy': pytest.approx(100 * np.trace(expected) / expected.sum())}


def test_classes_that_do_not_occur_have_rows_of_zeros():
    counts = confusion(torch.tensor([18, 18, 18]), torch.tensor([18, 17, 18]), 19)
    assert counts[18].nonzero().flatten().tolist() == [17, 18]
    assert counts.sum() == 3
