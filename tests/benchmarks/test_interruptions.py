import os
import random
import signal
import time

import fake_suite
import pytest

from benchmarks.suites import SUITES


@pytest.fixture(autouse=True, scope='module')
def suite():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUITES, 'fake', fake_suite.SUITE)
        yield


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """The figures of a benchmark that nothing interrupts."""
    root = fake_suite.make_root(tmp_path_factory.mktemp('benchmark'))
    assert fake_suite.run(root) == 0
    return fake_suite.figures(root)


def wait_until(holds, seconds=20):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_every_row_is_there_once_for_each_seed_and_depends_on_all_that_it_should(whole):
    assert sorted(whole) == [(run, seed) for run in ('first', 'second', 'third') for seed in (0, 1)]
    assert len({metrics['mIoU'] for _, _, metrics in whole.values()}) == 6


def kill_at_random(root, draw):
    """Start a benchmark and kill it after a random number of starts of its processes; returns its wait status."""
    wanted = len(fake_suite.starts(root)) + draw.randrange(6)
    pid = fake_suite.fork(root)
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    wait_until(lambda: len(fake_suite.starts(root)) >= wanted or os.waitid(os.P_PID, pid, look))
    time.sleep(draw.uniform(0, 0.05))
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def interrupt(root, draw):
    """Start a benchmark again and again, and kill it, until it is through; returns how often it was killed."""
    kills, finished = 0, set()
    while True:
        known = len(fake_suite.starts(root))
        status = kill_at_random(root, draw)
        again = {fake_suite.run_of(folder) for _, _, folder in fake_suite.starts(root)[known:]}
        assert again & finished == set()
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            return kills
        kills += 1
        if (root / 'out/results.json').is_file():
            finished = {(run, f'seed_{seed}') for run, seed in fake_suite.figures(root)}


def test_a_benchmark_that_is_killed_again_and_again_gives_the_same_figures(whole, tmp_path):
    draw, kills = random.Random(3), 0
    while kills < 10:
        root = fake_suite.make_root(tmp_path / f'killed_{kills}')
        kills += interrupt(root, draw)
        assert fake_suite.run(root) == 0
        assert fake_suite.figures(root) == whole
        trainings = [folder for _, kind, folder in fake_suite.starts(root) if kind == 'train']
        assert len(set(trainings)) == 8  # six rows and two initialisations


def test_the_processes_of_a_killed_benchmark_end_with_it(tmp_path):
    root = fake_suite.make_root(tmp_path / 'orphans')
    (root / 'hang').touch()  # a training takes a minute
    pid = fake_suite.fork(root)
    wait_until(lambda: sum(kind == 'train' for _, kind, _ in fake_suite.starts(root)) == 2)
    processes = [process for process, kind, _ in fake_suite.starts(root) if kind == 'train']
    assert all(fake_suite.alive(process) for process in processes)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(lambda: not any(fake_suite.alive(process) for process in processes), seconds=5)


def test_asked_to_stop_it_hands_the_signal_on_and_goes_on_later(whole, tmp_path):
    root = fake_suite.make_root(tmp_path / 'asked')
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        known = len(fake_suite.starts(root))
        pid = fake_suite.fork(root)
        wait_until(lambda n=known: sum(kind == 'train' for _, kind, _ in fake_suite.starts(root)[n:]) >= 2)
        os.kill(pid, number)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 75
        assert not any(fake_suite.alive(process) for process, _, _ in fake_suite.starts(root))
    assert fake_suite.run(root) == 0
    assert fake_suite.figures(root) == whole


def test_a_training_that_somebody_else_stops_is_started_again(whole, tmp_path):
    root = fake_suite.make_root(tmp_path / 'stopped')
    (root / 'nudge_second').touch()  # it is stopped in the first iteration of each start
    assert fake_suite.run(root, seeds=[0]) == 0
    assert fake_suite.figures(root) == {key: value for key, value in whole.items() if key[1] == 0}
    starts = [kind for _, kind, folder in fake_suite.starts(root) if fake_suite.run_of(folder)[0] == 'second']
    assert starts == [*['train'] * 12, 'test']


def test_a_training_that_is_stopped_and_never_gets_on_fails(tmp_path):
    root = fake_suite.make_root(tmp_path / 'stuck')
    (root / 'preempt_second').touch()
    assert fake_suite.run(root, seeds=[0]) == 1
    assert [run for run, _ in sorted(fake_suite.figures(root))] == ['first', 'third']
    starts = [kind for _, kind, folder in fake_suite.starts(root) if fake_suite.run_of(folder)[0] == 'second']
    assert starts == ['train'] * 4
    assert 'exit code 75 4 times without a new checkpoint' in fake_suite.read(root)['failures'][0]['reason']


def test_nothing_but_results_json_is_needed_to_go_on_elsewhere(whole, tmp_path):
    here, there = fake_suite.make_root(tmp_path / 'here'), fake_suite.make_root(tmp_path / 'there')
    assert fake_suite.run(here, seeds=[1]) == 0
    assert fake_suite.run(there, resume=str(here / 'out/results.json'), seeds=[0]) == 0
    assert fake_suite.figures(there) == whole
    assert {folder.rsplit('/', 2)[-1] for _, kind, folder in fake_suite.starts(there) if kind == 'test'} == {'seed_0'}


def test_a_row_that_fails_stops_no_other_and_is_tried_again(whole, tmp_path):
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


def test_an_initialisation_that_fails_fails_the_rows_of_its_seed(tmp_path):
    root = fake_suite.make_root(tmp_path / 'no_init')
    (root / 'break_seed_1').touch()
    assert fake_suite.run(root) == 1
    assert {seed for _, seed in fake_suite.figures(root)} == {0}
    assert [(x['run'], x['seed']) for x in fake_suite.read(root)['failures']] == [
        ('first', 1), ('second', 1), ('third', 1),
    ]  # fmt: skip
