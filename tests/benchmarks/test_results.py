import json

import fake_suite
import pytest

from benchmarks.suites import run_suite as run_suite_module
from benchmarks.suites.results import Results, ResultsError
from benchmarks.suites.step import locked
from benchmarks.suites.suite import Suite
from benchmarks.suites.suites import SUITES


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setitem(SUITES, 'fake', fake_suite.SUITE)
    return fake_suite.make_root(tmp_path)


@pytest.fixture
def results(root):
    """Results on disk, with one entry."""
    schedule = fake_suite.SUITE.schedule(root)
    results = Results(root / 'out/results.json', fake_suite.SUITE, schedule, [7])
    results.record(dict(run='first', seed=7, config_hash=schedule['runs']['first'], metrics=dict(mIoU=1.0)))
    return results


def test_what_is_written_is_read_again_and_seeds_are_added(root, results):
    again = Results(results.path, fake_suite.SUITE, results.schedule, [2, 7])
    assert again.entries == results.entries
    assert again.seeds == [2, 7]
    assert again.has('first', 7)
    assert not again.has('first', 2)
    assert not again.has('third', 7)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (dict(suite='table1'), "suite 'table1' there, 'fake' asked for"),
        (dict(schedule='world'), 'street, images: 9 there, 4 now'),
        (dict(schedule='runs'), 'config hash of third: 123 there'),
        (dict(schedule='init'), 'config hash of the initialisation: 123 there'),
        (dict(results='hash'), 'the entry of first, seed 7, has config hash 123'),
    ],
)
def test_results_of_something_else_are_refused_with_the_reason(results, change, reason):
    content = json.loads(results.path.read_text())
    if change == dict(results='hash'):
        content['results'][0]['config_hash'] = '123'
    elif change == dict(schedule='world'):
        content['schedule']['world']['images'] = 9
    elif change == dict(schedule='runs'):
        content['schedule']['runs']['third'] = '123'
    elif change == dict(schedule='init'):
        content['schedule']['init'] = '123'
    else:
        content |= change
    results.path.write_text(json.dumps(content))
    with pytest.raises(ResultsError, match=reason) as refused:
        Results(results.path, fake_suite.SUITE, results.schedule)
    assert ';' not in str(refused.value)  # for no other reason


@pytest.mark.parametrize('text', ['', '{', '[1]', '{"format": 1}', '{"format": 2}', '{"mIoU": 3}'])
def test_a_file_that_holds_no_results_is_refused(results, text):
    results.path.write_text(text)
    with pytest.raises(ResultsError, match='holds no results'):
        Results(results.path, fake_suite.SUITE, results.schedule)


@pytest.mark.parametrize(
    ('key', 'value', 'reason'),
    [
        ('config_hash', None, r'results\[0\]\.config_hash is missing'),
        ('run', None, r'results\[0\]\.run is missing'),
        ('seed', None, r'results\[0\]\.seed is missing'),
        ('metrics', None, r'results\[0\]\.metrics is missing'),
        ('metrics', 'mIoU', r"results\[0\]\.metrics is 'mIoU', but should be an object"),
        ('metrics', {'TC': '0.6'}, r"results\[0\]\.metrics\.TC is '0\.6', but should be a number"),
        ('seed', '7', r"results\[0\]\.seed is '7', but should be a whole number"),
    ],
)
def test_a_damaged_entry_is_refused_with_its_place(results, key, value, reason):
    content = json.loads(results.path.read_text())
    content['results'][0][key] = value
    if value is None:
        del content['results'][0][key]
    results.path.write_text(json.dumps(content))
    with pytest.raises(ResultsError, match=reason):
        Results(results.path, fake_suite.SUITE, results.schedule)


@pytest.mark.parametrize('key', ['suite', 'seeds', 'schedule', 'results'])
@pytest.mark.parametrize('value', [None, 3, [[]], {'runs': []}])
def test_damaged_results_are_refused(results, key, value):
    content = json.loads(results.path.read_text()) | {key: value}
    results.path.write_text(json.dumps(content))
    with pytest.raises(ResultsError, match=rf'holds no results of format 1: {key}.* should be'):
        Results(results.path, fake_suite.SUITE, results.schedule)


def test_a_config_that_changes_changes_its_hash_and_no_other(root):
    before = fake_suite.SUITE.schedule(root)
    (root / 'configs/b.py').write_text('shift = 5\n')
    after = fake_suite.SUITE.schedule(root)
    assert {run for run in before['runs'] if before['runs'][run] != after['runs'][run]} == {'third'}
    options = Suite('fake', 'Table 0', fake_suite.ROWS, fake_suite.SUITE.world, options={'more': 1}).schedule(root)
    assert all(options['runs'][run] != after['runs'][run] for run in after['runs'])
    assert options['init'] == after['init'] == before['init']


def test_results_are_neither_overwritten_nor_mixed_up(root, results, tmp_path):
    with pytest.raises(ResultsError, match=r'is there already; go on with it by --resume'):
        fake_suite.run(root, resume=None)
    (tmp_path / 'other.json').write_text('{}')
    with pytest.raises(ResultsError, match='has results of its own'):
        fake_suite.run(root, resume=str(tmp_path / 'other.json'))
    with pytest.raises(FileNotFoundError, match=r'there are no results at .*nowhere'):
        fake_suite.run(root, out='new', resume=str(tmp_path / 'nowhere.json'))


@pytest.mark.parametrize('folder', ['out', 'data'])
def test_one_benchmark_a_folder(root, folder, monkeypatch):
    monkeypatch.setattr(run_suite_module, 'PATIENCE', 0)
    with locked(root / folder, 0), pytest.raises(BlockingIOError, match='another benchmark is at work'):
        fake_suite.run(root)
    assert fake_suite.starts(root) == []


def test_streets_and_runs_may_be_in_one_folder(root, cluster):
    assert fake_suite.run(root, data_root=root / 'out', seeds=[3]) == 0
    assert len(fake_suite.figures(root)) == 3


def test_arguments_out_of_range_are_refused(root, cluster):
    with pytest.raises(ValueError, match='--jobs and --cpus-per-rank must be at least 1'):
        fake_suite.run(root, jobs=0)
    with pytest.raises(ValueError, match=r'--gpus-per-run must be a whole number, or a share below 1, got 1\.5'):
        fake_suite.run(root, gpus_per_run=1.5)
    with pytest.raises(
        ValueError, match='a run needs 1 x 9 CPUs, which this machine or cluster does not have: 2 CPUs, 2 GPUs'
    ):
        fake_suite.run(root, cpus_per_rank=9)
    with pytest.raises(ValueError, match='no spaces, commas, brackets'):
        fake_suite.run(root, out='a folder')


def test_a_cluster_that_is_not_there_is_named(root, cluster, monkeypatch):
    monkeypatch.setattr('ray.is_initialized', lambda: False)  # it is, to another one
    with pytest.raises(ConnectionError, match=r'no Ray cluster answers at 127\.0\.0\.1:1; ray start'):
        fake_suite.run(root, address='127.0.0.1:1')
