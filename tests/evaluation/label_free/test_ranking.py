import re

import pytest
import torch

from i2vda_mmseg.evaluation.label_free import class_shift, collapse_reason, effective_classes, order, rank_averages

CLASSES = ('road', 'sky', 'building', 'car', 'person', 'tree')
SOURCE = torch.tensor([40, 20, 20, 10, 5, 5])


@pytest.mark.parametrize(
    ('shares', 'source', 'reason'),
    [
        ([100, 0, 0, 0, 0, 0], None, r"'road' for 100\.0 %"),
        ([0, 0, 0, 96, 4, 0], SOURCE, r"'car' for 96\.0 % .*\(10\.0 % of the source's\)"),
        ([94, 6, 0, 0, 0, 0], None, r"1\.25 effective classes, led by 'road' with 94\.0 %"),
        ([75, 25, 0, 0, 0, 0], torch.ones(6), r"1\.75 effective classes, less than a third of .*6\.00"),
        ([75, 25, 0, 0, 0, 0], None, None),
        ([60, 30, 10, 0, 0, 0], SOURCE, None),
        ([40, 20, 20, 10, 5, 5], SOURCE, None),
    ],
)  # fmt: skip
def test_what_has_collapsed(shares, source, reason):
    found = collapse_reason(torch.tensor(shares), CLASSES, source)
    assert (found is None) == (reason is None)
    assert re.search(reason or '', found or '')


def test_a_map_that_does_not_look_at_the_frame_has_collapsed():
    assert 'same label map' in collapse_reason(SOURCE, CLASSES, SOURCE, is_constant=True)


def test_the_guard_needs_predictions():
    with pytest.raises(ValueError, match='no pixel'):
        collapse_reason(torch.zeros(6), CLASSES)
    with pytest.raises(ValueError, match='6 classes, got 5'):
        collapse_reason(SOURCE[:5], CLASSES)


def test_effective_classes_and_shift():
    assert effective_classes(torch.ones(7)) == pytest.approx(7)
    assert class_shift(torch.tensor([2, 2, 0]), torch.tensor([1, 1, 2])) == pytest.approx(0.5)
    assert class_shift(SOURCE, 7 * SOURCE) == pytest.approx(0)


def test_rank_averages():
    rows = [dict(a=0.1, b=9.0, c=None), dict(a=0.3, b=8.0, c=1.0), dict(a=0.2, b=7.0, c=2.0), dict(a=9.0, b=9.9, c=3.0)]
    # without the last row, and without c, which one row lacks
    assert rank_averages(rows, ('a', 'b', 'c'), excluded={3}) == [2.0, 1.5, 2.5, None]
    assert rank_averages(rows, ('c',), excluded={0}) == [None, 3.0, 2.0, 1.0]
    assert rank_averages(rows, ('a',), excluded=range(4)) == [None] * 4
    with pytest.raises(ValueError, match='criteria c is known'):
        rank_averages(rows, ('c',))
    with pytest.raises(ValueError, match='known'):
        rank_averages([dict(a=float('nan'))], ('a',))


def test_of_equals_the_later_is_better():
    assert order([1.0, 1.0, None, 3.0]) == [1, 0, 3]
