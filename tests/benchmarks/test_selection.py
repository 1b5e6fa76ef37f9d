"""On tables made up, whose answers are known by hand."""

import json
import sys

import pytest

from benchmarks import selection
from i2vda_mmseg.evaluation.label_free import CRITERIA


def row(iteration, miou, excluded=None, **criteria):
    return dict(
        checkpoint=f'iter_{iteration}.pth', iteration=iteration, mIoU=miou, excluded=excluded, criteria=criteria
    )


def table_of(runs):
    return {found['criterion']: found for found in selection.compare(runs)}


def test_kendalls_tau():
    assert selection.kendall_tau([1, 2, 3], [10, 20, 30]) == 1
    assert selection.kendall_tau([1, 2, 3], [3, 2, 1]) == -1
    # 10 pairs: 6 concordant, 2 discordant, one tied in a, one in b: (6 - 2) / sqrt(9 * 9)
    assert selection.kendall_tau([1, 1, 2, 3, 4], [1, 2, 4, 3, 3]) == pytest.approx(4 / 9)
    assert selection.kendall_tau([1, 1], [1, 2]) is None


def test_tau_and_regret():
    rows = [
        row(1, 30.0, soft_neighborhood_density=1.0, flip_agreement=0.9),
        row(2, 50.0, soft_neighborhood_density=3.0, flip_agreement=0.8),
        row(3, 40.0, soft_neighborhood_density=2.0, flip_agreement=0.7),
    ]
    table = table_of(dict(run=rows))
    assert (table['soft_neighborhood_density']['tau'], table['soft_neighborhood_density']['regret']) == (1, 0)
    assert (table['flip_agreement']['tau'], table['flip_agreement']['regret']) == (pytest.approx(-1 / 3), 20)
    assert table['last checkpoint']['regret'] == 10
    # mean ranks 2, 1.5 and 2.5
    average = table['rank average']['by_run']['run']
    assert average == dict(tau=pytest.approx(1 / 3), regret=0, chosen='iter_2.pth')
    assert 'batch_nuclear_norm' not in table


def test_means_are_over_the_runs_that_know_the_criterion():
    one = [
        row(1, 30.0, negative_entropy=-1.0, flip_agreement=0.1),
        row(2, 20.0, negative_entropy=0.0, flip_agreement=0.2),
    ]
    other = [
        row(1, 10.0, negative_entropy=None, flip_agreement=0.1),
        row(2, 40.0, negative_entropy=0, flip_agreement=0.2),
    ]
    table = table_of(dict(one=one, other=other))
    assert (table['negative_entropy']['runs'], table['negative_entropy']['regret']) == (1, 10)
    assert (table['flip_agreement']['runs'], table['flip_agreement']['regret']) == (2, 5)
    assert (table['flip_agreement']['tau'], table['flip_agreement']['worst_regret']) == (0, 10)


def test_what_the_guard_excludes_is_not_chosen_but_may_have_been_best():
    rows = [
        row(1, 30.0, flip_agreement=0.5),
        row(2, 45.0, 'collapsed', flip_agreement=1.0),
        row(3, 35.0, flip_agreement=0.4),
    ]
    found = table_of(dict(run=rows))['flip_agreement']
    assert (found['by_run']['run']['chosen'], found['regret']) == ('iter_1.pth', 15)
    assert table_of(dict(run=[row(1, 5.0, 'collapsed', flip_agreement=1.0)])) == {}


def test_the_table_is_made_again_from_the_file(tmp_path, monkeypatch, capsys):
    runs = dict(run=[row(1, 30.0, flip_agreement=0.5), row(2, 45.0, flip_agreement=0.6)])
    first, again = tmp_path / 'first.json', tmp_path / 'again.json'
    first.write_text(json.dumps(dict(runs=runs)))
    monkeypatch.setattr(sys, 'argv', ['selection', '--from', str(first), '--out', str(again)])
    selection.main()
    assert json.loads(again.read_text())['runs'] == runs
    assert '+1.00' in capsys.readouterr().out
    assert set(table_of(runs)) <= {*CRITERIA, 'rank average', 'last checkpoint'}
