import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import upsample
from i2vda_mmseg.runtime.scores import best_labels, nearest_labels, resize_scores, softmax

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(5, 7, 11)).astype(np.float32)


@pytest.mark.parametrize('align_corners', [True, False])
@pytest.mark.parametrize('size', [(7, 11), (14, 9), (3, 23), (1, 1), (13, 4)])
def test_scores_are_resized_as_tensors_are(size, align_corners):
    expected = upsample(torch.from_numpy(SCORES)[None], size, align_corners)[0].numpy()
    np.testing.assert_allclose(resize_scores(SCORES, size, align_corners), expected, atol=2e-6)


def test_the_best_label_is_the_first_of_the_highest():
    scores = SCORES.round()  # many are equal
    np.testing.assert_array_equal(best_labels(scores), scores.argmax(axis=0))
    assert best_labels(scores).dtype == np.uint8


def test_softmax_of_large_logits():
    logits = SCORES * 1000
    np.testing.assert_allclose(softmax(logits), torch.from_numpy(logits).softmax(dim=0), atol=1e-6)


def test_labels_are_repeated_and_left_out():
    labels = np.array([[1, 2], [3, 4]], np.uint8)
    assert nearest_labels(labels, (2, 4)).tolist() == [[1, 1, 2, 2], [3, 3, 4, 4]]
    assert nearest_labels(nearest_labels(labels, (4, 6)), (2, 2)).tolist() == labels.tolist()
