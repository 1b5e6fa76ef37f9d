import json

import pytest

from i2vda_mmseg.reporting.confusion import confusion_tables, read_confusion

MATRIX = dict(classes=['road', 'car', 'sky'], counts=[[90, 10, 0], [5, 15, 0], [0, 0, 0]])


def test_rows_are_shares_of_the_label_and_the_worst_come_first(tmp_path):
    (tmp_path / 'confusion.json').write_text(json.dumps(MATRIX))
    missing = []
    (table,) = confusion_tables([None, read_confusion(tmp_path, missing)])
    assert (table.run, missing) == (1, [])
    assert table.shares == [[90.0, 10.0, 0.0], [25.0, 75.0, 0.0], [None, None, None]]
    assert table.worst == ['25 % of car taken for road', '10 % of road taken for car']


@pytest.mark.parametrize(
    'content', ['[', '[1]', '{}', '{"classes": ["a"], "counts": [[1, 2]]}', '{"classes": ["a"], "counts": [[-1]]}']
)
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / 'confusion.json').write_text(content)
    missing = []
    assert read_confusion(tmp_path, missing) is None
    assert missing[0].startswith('no confusion: confusion.json ')
