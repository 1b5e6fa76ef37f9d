import fake_suite
import pytest

from benchmarks.suites.results import Results
from benchmarks.suites.table import markdown
from i2vda_mmseg.reporting.seeds import mean_and_deviation

SCHEDULE = dict(world={}, init='i', runs=dict(first='a', second='b', third='c'))


def entry(run, seed, miou, tc, flicker):
    metrics = dict(mIoU=miou, TC=tc, flicker=flicker, protocol='viper15', TC_preset='clean')
    return dict(run=run, seed=seed, config_hash=SCHEDULE['runs'][run], metrics=metrics)


@pytest.fixture
def results(tmp_path):
    results = Results(tmp_path / 'results.json', fake_suite.SUITE, SCHEDULE, [3, 4, 5])
    # mean 50, squared deviations 4 + 1 + 9 = 14, variance 14 / 2; TC: mean 0.7, 0.01 + 0.01 over 2
    for values in ((3, 48.0, 0.6, 0.02), (4, 49.0, 0.7, 0.02), (5, 53.0, 0.8, 0.02)):
        results.record(entry('first', *values))
    results.record(entry('second', 4, 51.26, None, 0.018))
    results.record(entry('third', 4, 47.0, 0.7, 0.018))  # 2 below, and 3.5 below
    results.record(entry('third', 5, 49.5, 0.75, 0.018))
    return results


def rows_of(text):
    cells = [[cell.strip() for cell in line.split('|')[1:-1]] for line in text.splitlines() if line.startswith('| ')]
    return {row[0]: row[1:] for row in cells}


def test_mean_and_standard_deviation_beside_what_is_published(results):
    rows = rows_of(markdown(results))
    assert rows[''] == ['mIoU', 'TC', 'flicker', 'mIoU - First', 'TC - First', 'seeds', 'paper: mIoU', 'paper: TC']
    assert rows['First'] == ['50.0 ± 2.6', '70.0 ± 10.0', '2.0 ± 0.0', '-', '-', '3 of 3', '37.1', '-']
    assert rows['Second (1)'] == ['51.3', '-', '1.8', '+2.3', '-', '1 of 3', '51.2', '66.01']
    assert rows['First again'][:3] == rows['First'][:3]
    assert rows['Third'][3:6] == ['-2.8 ± 1.1', '-2.5 ± 3.5', '2 of 3']
    assert list(rows) == ['', 'First', 'Second (1)', '**t**', 'First again', 'Third']


def test_it_says_what_the_figures_are_about(results):
    results.fail('third', 4, 'training of Third, seed 4: exit code 1')
    text = markdown(results)
    assert "**Another data set than the paper's**" in text
    assert 'protocol `viper15`, TC preset `clean`, last checkpoint' in text
    assert 'over seeds 3, 4, 5.' in text
    assert '(1) from elsewhere' in text
    assert '- failed: third, seed 4: training of Third, seed 4: exit code 1' in text


def test_it_says_what_was_not_made_alike(results):
    assert 'Mind how' not in markdown(results)
    results.entries[0] |= dict(git_revision='a' * 40, device='cpu', python='3.11', street_version=1)
    results.entries[1] |= dict(git_revision='a' * 40, device='cpu', python='3.11', street_version=1)
    results.entries[0]['metrics']['versions'] = dict(torch='2.13.0', mmseg='1.4.2')
    assert 'Mind how' not in markdown(results)
    results.entries[2] |= dict(git_revision='b' * 40 + '+changes', device='H100', machine=dict(processor='x'))
    results.entries[3] |= dict(git_revision=None, street_version=2, machine=dict(processor='x'))
    results.entries[3]['metrics']['versions'] = dict(torch='2.14.0', mmseg='1.4.2')
    assert markdown(results).splitlines()[-1] == (
        '**Mind how these figures were made**: more than one git revision (aaaaaaaaaa, bbbbbbbbbb+changes, unknown); '
        'more than one device (H100, cpu); more than one street version (1, 2); '
        'more than one version of torch (2.13.0, 2.14.0); uncommitted changes to git revision bbbbbbbbbb.'
    )


@pytest.mark.parametrize(
    ('values', 'text'), [([], '-'), ([1.25], '1.2'), ([0.0, 10.0], '5.0 ± 7.1'), ([-1.0, 1.0, 3.0], '1.0 ± 2.0')]
)
def test_the_form_of_a_figure(values, text):
    assert mean_and_deviation(values) == text
