import os
import random
import signal
import time

import fake_suite
import pytest
from ray.cluster_utils import Cluster

from benchmarks.suites.suites import SUITES

pytestmark = pytest.mark.timeout(290)


@pytest.fixture(autouse=True, scope='module')
def suite():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUITES, 'fake', fake_suite.SUITE)
        yield


@pytest.fixture(scope='module')
def whole(tmp_path_factory, address):
    """The figures of a benchmark that nothing interrupts."""
    root = fake_suite.make_root(tmp_path_factory.mktemp('benchmark'))
    assert fake_suite.run(root) == 0
    return fake_suite.figures(root)


def wait_until(holds, seconds=120):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def trainings(root):
    return [process for process, kind, _ in fake_suite.starts(root) if kind == 'train']


def test_every_row_is_there_once_for_each_seed_and_depends_on_all_that_it_should(whole):
    assert sorted(whole) == [(run, seed) for run in ('first', 'second', 'third') for seed in (0, 1)]
    assert len({metrics['mIoU'] for _, _, metrics in whole.values()}) == 6


def kill_at_random(root, address, draw):
    """Start a benchmark and kill it after a random number of starts of its processes; returns its exit code."""
    wanted = len(fake_suite.starts(root)) + draw.randrange(6)
    driver = fake_suite.fork(root, address=address)
    wait_until(lambda: len(fake_suite.starts(root)) >= wanted or driver.exitcode is not None)
    time.sleep(draw.uniform(0, 0.05))
    driver.kill()
    driver.join()
    return driver.exitcode


def test_a_benchmark_that_is_killed_again_and_again_gives_the_same_figures(whole, tmp_path, address):
    draw, kills, number = random.Random(3), 0, 0
    wanted = int(os.environ.get('I2VDA_STRESS_KILLS', '2'))
    while kills < wanted:
        root, finished = fake_suite.make_root(tmp_path / f'killed_{number}'), set()
        number += 1
        while (code := kill_at_random(root, address, draw)) == -signal.SIGKILL and kills < wanted:
            kills += 1
            known = len(fake_suite.starts(root))
            if (root / 'out/results.json').is_file():
                finished = {(run, f'seed_{seed}') for run, seed in fake_suite.figures(root)}
        assert code in {0, -signal.SIGKILL}
        assert fake_suite.run(root) == 0
        assert fake_suite.figures(root) == whole
        again = {fake_suite.run_of(folder) for _, kind, folder in fake_suite.starts(root)[known:] if kind == 'test'}
        assert again & finished == set()


def test_the_processes_of_a_killed_benchmark_end_with_it(whole, tmp_path):
    """On this machine, whose Ray is the benchmark's own; then the same command goes on."""
    root = fake_suite.make_root(tmp_path / 'orphans')
    (root / 'hang').touch()  # a training takes a minute
    driver = fake_suite.fork(root, address=None)
    wait_until(lambda: len(trainings(root)) == 2)
    assert all(fake_suite.alive(process) for process in trainings(root))
    driver.kill()
    wait_until(lambda: not any(fake_suite.alive(process) for process in trainings(root)), seconds=60)
    (root / 'hang').unlink()
    assert fake_suite.run(root, address=None) == 0
    assert fake_suite.figures(root) == whole


def test_a_node_is_lost_in_the_middle_of_runs_and_the_figures_stay(whole, tmp_path):
    root = fake_suite.make_root(tmp_path / 'lost')
    (root / 'slow').touch()  # an iteration takes a second
    cluster = Cluster(initialize_head=True, head_node_args=fake_suite.NODE | dict(num_cpus=1))
    try:
        other = cluster.add_node(**fake_suite.NODE | dict(num_cpus=1))
        driver = fake_suite.fork(root, address=cluster.address)
        wait_until(lambda: len(trainings(root)) == 2)
        wait_until(lambda: len([*root.glob('data/seed_*/init_*/last_checkpoint')]) == 2)
        (root / 'slow').unlink()
        before = trainings(root)
        cluster.remove_node(other, allow_graceful=False)
        driver.join(150)
        assert driver.exitcode == 0
    finally:
        cluster.shutdown()
    assert fake_suite.figures(root) == whole
    folders = [folder for _, kind, folder in fake_suite.starts(root) if kind == 'train']
    assert len(before) == 2
    assert len(set(folders)) == 8  # two initialisations, six rows
    assert len(folders) == 9  # one was begun on the node that is gone


def test_asked_to_stop_it_hands_the_signal_on_and_goes_on_later(whole, tmp_path, address):
    root = fake_suite.make_root(tmp_path / 'asked')
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        known = len(trainings(root))
        driver = fake_suite.fork(root, address=address)
        wait_until(lambda n=known: len(trainings(root)) >= n + 2)
        os.kill(driver.pid, number)
        driver.join()
        assert driver.exitcode == 75
        assert not any(fake_suite.alive(process) for process in trainings(root))
    assert fake_suite.run(root) == 0
    assert fake_suite.figures(root) == whole


def test_a_run_of_two_ranks_starts_both_in_a_placement_group(tmp_path):
    root = fake_suite.make_root(tmp_path / 'ranks')
    cluster = Cluster(initialize_head=True, head_node_args=fake_suite.NODE | dict(num_gpus=1))
    try:
        cluster.add_node(**fake_suite.NODE | dict(num_gpus=1))  # a run needs both nodes
        assert fake_suite.run(root, address=cluster.address, gpus_per_run=2, seeds=[0]) == 0
    finally:
        cluster.shutdown()
    entries = fake_suite.read(root)['results']
    assert {entry['ranks'] for entry in entries} == {2}
    started = [folder for _, kind, folder in fake_suite.starts(root) if kind == 'train']
    assert sorted(started) == sorted([*{*started}] * 2)  # each folder twice
    assert (root / 'ranks').read_text().split().count('1/2') == 4


def test_a_training_that_somebody_else_stops_is_started_again(whole, tmp_path, address):
    root = fake_suite.make_root(tmp_path / 'stopped')
    (root / 'nudge_second').touch()  # it is stopped in the first iteration of each start
    assert fake_suite.run(root, seeds=[0]) == 0
    assert fake_suite.figures(root) == {key: value for key, value in whole.items() if key[1] == 0}
    starts = [kind for _, kind, folder in fake_suite.starts(root) if fake_suite.run_of(folder)[0] == 'second']
    assert starts == [*['train'] * 12, 'test']


def test_a_training_that_is_stopped_and_never_gets_on_fails(tmp_path, address):
    root = fake_suite.make_root(tmp_path / 'stuck')
    (root / 'preempt_second').touch()
    assert fake_suite.run(root, seeds=[0]) == 1
    assert [run for run, _ in sorted(fake_suite.figures(root))] == ['first', 'third']
    starts = [kind for _, kind, folder in fake_suite.starts(root) if fake_suite.run_of(folder)[0] == 'second']
    assert starts == ['train'] * 4
    assert 'exit code 75 4 times without a new checkpoint' in fake_suite.read(root)['failures'][0]['reason']


def test_nothing_but_results_json_is_needed_to_go_on_elsewhere(whole, tmp_path, address):
    here, there = fake_suite.make_root(tmp_path / 'here'), fake_suite.make_root(tmp_path / 'there')
    assert fake_suite.run(here, seeds=[1]) == 0
    assert fake_suite.run(there, resume=str(here / 'out/results.json'), seeds=[0]) == 0
    assert fake_suite.figures(there) == whole
    assert {folder.rsplit('/', 2)[-1] for _, kind, folder in fake_suite.starts(there) if kind == 'test'} == {'seed_0'}


def test_a_row_that_fails_stops_no_other_and_is_tried_again(whole, tmp_path, address):
    root = fake_suite.make_root(tmp_path / 'broken')
    (root / 'break_second').touch()
    assert fake_suite.run(root) == 1
    assert fake_suite.figures(root) == {key: value for key, value in whole.items() if key[0] != 'second'}
    failure = fake_suite.read(root)['failures'][0]
    assert failure['run'] == 'second'
    assert 'exit code 1: RuntimeError: broken on purpose' in failure['reason']
    assert 'failed: second, seed 1: training of Second' in (root / 'out/results.md').read_text()
    (root / 'break_second').unlink()
    known = len(fake_suite.starts(root))
    assert fake_suite.run(root) == 0
    assert fake_suite.figures(root) == whole
    assert fake_suite.read(root)['failures'] == []
    assert {fake_suite.run_of(folder)[0] for _, kind, folder in fake_suite.starts(root)[known:] if kind != 'world'} == {
        'second'
    }


def test_an_initialisation_that_fails_fails_the_rows_of_its_seed(tmp_path, address):
    root = fake_suite.make_root(tmp_path / 'no_init')
    (root / 'break_seed_1').touch()
    assert fake_suite.run(root) == 1
    assert {seed for _, seed in fake_suite.figures(root)} == {0}
    assert [(x['run'], x['seed']) for x in fake_suite.read(root)['failures']] == [
        ('first', 1), ('second', 1), ('third', 1),
    ]  # fmt: skip
