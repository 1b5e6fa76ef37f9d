import numpy as np
import pytest

from i2vda_mmseg.visualization import changes_to_rgb, errors_to_rgb
from i2vda_mmseg.visualization.differences import CHANGED, LEFT_OUT, WRONG

FRAME = np.zeros((2, 3, 3), np.uint8)


def test_right_pixels_are_the_pale_frame_and_the_others_have_their_colours():
    predicted, truth = np.array([[1, 2, 3], [0, 0, 0]]), np.array([[1, 1, 255], [0, 0, 0]])
    drawn = errors_to_rgb(FRAME, predicted, truth)
    assert drawn[0].tolist() == [[153] * 3, list(WRONG), list(LEFT_OUT)]
    assert (drawn[1] == 153).all()  # black becomes 60 % grey


def test_a_change_that_is_not_seen_in_both_frames_does_not_count():
    changed, valid = np.array([[True, True, False]] * 2), np.array([[True, False, True]] * 2)
    drawn = changes_to_rgb(FRAME, changed, valid)
    assert drawn[0].tolist() == [list(CHANGED), list(LEFT_OUT), [153] * 3]


def test_maps_of_another_size_than_the_frame_are_refused():
    with pytest.raises(ValueError, match=r'a frame of \(2, 3\) \(H, W\) and maps of \(2, 2\)'):
        errors_to_rgb(FRAME, np.zeros((2, 2), int), np.zeros((2, 2), int))
