"""Labels and masks as colours."""

import numpy as np
import pytest

from i2vda_mmseg.datasets.class_spaces import PALETTE_15
from i2vda_mmseg.visualization import label_to_rgb, mask_to_rgb


@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
def test_every_label_has_exactly_its_colour(dtype):
    labels = np.array([[*range(15), 255], [255, *reversed(range(15))]], dtype)
    rgb = label_to_rgb(labels, PALETTE_15, ignore_color=(1, 2, 3))
    assert (rgb.shape, rgb.dtype) == ((2, 16, 3), np.uint8)
    expected = [[[1, 2, 3] if label == 255 else PALETTE_15[label] for label in row] for row in labels.tolist()]
    assert rgb.tolist() == expected


def test_ignored_is_black_by_default():
    assert not label_to_rgb(np.full((2, 3), 255), PALETTE_15).any()


@pytest.mark.parametrize('label', [15, 254, 256, -1])
def test_a_label_without_a_colour_is_refused(label):
    with pytest.raises(ValueError, match=f'label {label} has no colour: the palette has 15'):
        label_to_rgb(np.array([[0, label]]), PALETTE_15)


@pytest.mark.parametrize('labels', [np.zeros((2, 3)), np.zeros((1, 2, 3), np.uint8)])
def test_what_is_no_label_map_is_refused(labels):
    with pytest.raises(ValueError, match='labels must be integers'):
        label_to_rgb(labels, PALETTE_15)


def test_a_mask_is_white_where_true():
    mask = np.array([[True, False, True], [False, False, True]])
    rgb = mask_to_rgb(mask)
    assert rgb.dtype == np.uint8
    assert (rgb == np.where(mask, 255, 0)[..., None]).all()
    assert rgb.shape == (2, 3, 3)


def test_what_is_no_mask_is_refused():
    with pytest.raises(ValueError, match='a mask must be bool'):
        mask_to_rgb(np.zeros((2, 3), np.uint8))
