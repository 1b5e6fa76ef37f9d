import json
import re
import shutil

import pytest

from i2vda_mmseg.reporting.run_record import read_run
from i2vda_mmseg.reporting.support import compare_runs


@pytest.fixture
def make(two_runs, count_clips, tmp_path):
    """A run of ``gain`` more pixels right than another."""

    def run(name, gain, changed=20):
        folder = shutil.copytree(two_runs[0], tmp_path / name)
        count_clips(folder, gain, changed)
        return read_run(folder)

    return run


def test_a_lead_over_every_other_run_counts_and_over_some_does_not(make):
    worst, middle, best = make('worst', 0, 30), make('middle', 1, 20), make('best', 3, 20)
    support = compare_runs([worst, best, middle])
    assert support.leads['', 'mIoU'] == support.leads['IoU', 'road'] == [False, True, False]
    assert support.leads['', 'flicker'] == [False, False, False]  # two of them flicker alike
    assert compare_runs([worst, best]).leads['', 'flicker'] == [False, True]  # less is better
    twins = compare_runs([worst, best, make('twin', 3)])
    assert twins.leads['', 'mIoU'] == [False, False, False]
    assert re.search('2,000 draws of the 12 clips', support.note)


def test_differences_are_of_pairs_in_points_of_percent(make):
    support = compare_runs([make('worst', 0), make('best', 3)])
    assert support.figures == ['mIoU', 'TC', 'flicker']
    (row,) = support.differences
    assert (row.run, row.other) == (1, 0)
    miou, tc, flicker = row.cells
    assert (miou.value, miou.interval, miou.is_supported) == ('+3.00', '+3.00 to +3.00', True)
    assert tc.value == '+3.00'
    assert (flicker.value, flicker.interval, flicker.is_supported) == ('+0.00', '+0.00 to +0.00', False)


def test_of_many_runs_each_is_compared_with_the_first(make):
    runs = [make(f'run {number}', number) for number in range(5)]
    assert [(row.run, row.other) for row in compare_runs(runs).differences] == [(n, 0) for n in range(1, 5)]
    assert len(compare_runs(runs[:3]).differences) == 3


def test_counts_of_another_test_than_metrics_json_are_not_used(make):
    first, other = make('first', 0), make('other', 3)
    path = other.folder / 'metrics.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | dict(mIoU=99.0)))
    support = compare_runs([first, read_run(other.folder)])
    assert ('', 'mIoU') not in support.leads
    assert support.leads['', 'TC'] == [False, True]


def test_why_nothing_is_bold_is_said(make, two_runs, tmp_path):
    first, other = make('first', 0), make('other', 3)
    assert compare_runs([first]).note == ''
    assert 'must not be compared' in compare_runs([first, other], comparable=False).note
    assert 'without clips.json' in compare_runs([first, read_run(two_runs[1])]).note
    (other.folder / 'clips.json').write_text('{')
    damaged = read_run(other.folder)
    assert any(line.startswith('no intervals: ') for line in damaged.missing)
    assert compare_runs([first, damaged]).leads == {}


def test_a_run_with_a_figure_but_without_counts_leaves_the_best_open(make, two_runs):
    runs = [make('first', 0), make('best', 3), read_run(two_runs[1])]
    assert compare_runs(runs).leads['', 'mIoU'] == [False, False, False]
