import os
import random
import re
import signal
import threading
import time
from contextlib import contextmanager
from importlib import import_module

import fake_suite
import pytest

from benchmarks.suites.suites import SUITES

KILLS = int(os.environ.get('I2VDA_STRESS_KILLS', '1'))
AGENTS = ('ray::DashboardAgent', 'ray::RuntimeEnvAgent')


@pytest.fixture(autouse=True, scope='module')
def suite():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUITES, 'fake', fake_suite.SUITE)
        yield


@pytest.fixture(scope='module')
def whole(tmp_path_factory, cluster):
    """The figures of a benchmark that nothing interrupts."""
    root = fake_suite.make_root(tmp_path_factory.mktemp('benchmark'))
    assert fake_suite.run(root) == 0
    return fake_suite.figures(root)


def wait_until(holds, seconds=240):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def trainings(root):
    return [int(process) for process, kind, _ in fake_suite.starts(root) if kind == 'train']


@contextmanager
def meanwhile(holds, do):
    """Do something as soon as something holds, beside what the main thread does."""
    thread = threading.Thread(target=lambda: (wait_until(holds), do()))
    thread.start()
    yield
    thread.join()


def test_every_row_is_there_once_for_each_seed_and_depends_on_all_that_it_should(whole):
    assert sorted(whole) == [(run, seed) for run in ('first', 'second', 'third') for seed in (0, 1)]
    assert len({metrics['mIoU'] for _, _, metrics in whole.values()}) == 6


def kill_at_random(root, address, draw):
    """Start a benchmark and kill it after a random number of starts of its processes.

    Whatever it has started, Ray of its own too, has ended afterwards; but for two idle agents of Ray.

    Returns:
        Its exit code, and the agents.
    """
    wanted = len(fake_suite.starts(root)) + draw.randrange(1, 5)
    driver = fake_suite.fork(root, address=address)
    wait_until(lambda: len(fake_suite.starts(root)) >= wanted or driver.exitcode is not None)
    time.sleep(draw.uniform(0, 0.05))
    started = fake_suite.family(driver.pid) if address is None else {}
    driver.kill()
    driver.join()
    agents = [process for process, name in started.items() if name in AGENTS]
    others = {*started, *(int(process) for process, _, _ in fake_suite.starts(root))} - {*agents}
    wait_until(lambda: not any(map(fake_suite.alive, others)))
    return driver.exitcode, agents


@pytest.mark.slow
@pytest.mark.timeout(260 + 40 * KILLS)
def test_a_benchmark_that_is_killed_again_and_again_gives_the_same_figures(whole, tmp_path, cluster):
    """On this machine; of several kills every third is of a benchmark on a cluster that is not its own."""
    draw, kills, number, agents = random.Random(3), 0, 0, []
    while kills < KILLS:
        root, finished = fake_suite.make_root(tmp_path / f'killed_{number}'), set()
        (root / 'slow').write_text('0.1')
        number, code = number + 1, -signal.SIGKILL
        while code == -signal.SIGKILL and kills < KILLS:
            code, more = kill_at_random(root, cluster.address if kills % 3 == 2 else None, draw)
            kills, agents = kills + (code == -signal.SIGKILL), agents + more
            known = len(fake_suite.starts(root))
            if (root / 'out/results.json').is_file():
                finished = {(run, f'seed_{seed}') for run, seed in fake_suite.figures(root)}
        assert code in {0, -signal.SIGKILL}
        (root / 'slow').unlink()
        assert fake_suite.run(root) == 0
        assert fake_suite.figures(root) == whole
        again = {fake_suite.run_of(folder) for _, kind, folder in fake_suite.starts(root)[known:] if kind == 'test'}
        assert again & finished == set()
    if KILLS > 1:
        wait_until(lambda: not any(map(fake_suite.alive, agents)), seconds=300)  # they end themselves, after a minute
    for agent in filter(fake_suite.alive, agents):
        os.kill(agent, signal.SIGKILL)


def test_a_cluster_is_found_by_its_address_and_three_jobs_on_its_two_places_finish(whole, tmp_path, cluster):
    root = fake_suite.make_root(tmp_path / 'address')
    driver = fake_suite.fork(root, address=cluster.address, jobs=3, seeds=[0])
    driver.join()
    assert driver.exitcode == 0
    assert fake_suite.figures(root) == {key: value for key, value in whole.items() if key[1] == 0}
    assert {entry['jobs'] for entry in fake_suite.read(root)['results']} == {2}


@pytest.mark.slow
def test_a_node_is_lost_in_the_middle_of_runs_and_the_figures_stay(whole, tmp_path, two_nodes):
    root = fake_suite.make_root(tmp_path / 'lost')
    (root / 'slow').write_text('0.1')

    def lose():
        (root / 'slow').write_text('3')  # seconds an iteration, in which Ray finds out
        two_nodes.remove_node(next(iter(two_nodes.worker_nodes)), allow_graceful=False)
        wait_until(lambda: not all(map(fake_suite.alive, trainings(root))))
        (root / 'slow').unlink()

    with meanwhile(lambda: len([*root.glob('data/seed_*/init_*/last_checkpoint')]) == 2, lose):
        assert fake_suite.run(root) == 0
    assert fake_suite.figures(root) == whole
    folders = [folder for _, kind, folder in fake_suite.starts(root) if kind == 'train']
    assert len(set(folders)) == 8  # two initialisations, six rows
    assert len(folders) == 9  # one was begun on the node that is gone


def test_asked_to_stop_it_hands_the_signal_on_and_goes_on_later(whole, tmp_path, cluster):
    root = fake_suite.make_root(tmp_path / 'asked')
    (root / 'slow').write_text('0.2')
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        enough = len(trainings(root)) + 1
        with meanwhile(lambda n=enough: len(trainings(root)) >= n, lambda n=number: os.kill(os.getpid(), n)):
            assert fake_suite.run(root) == 75
        assert not any(map(fake_suite.alive, trainings(root)))
    (root / 'slow').unlink()
    assert fake_suite.run(root) == 0
    assert fake_suite.figures(root) == whole


@pytest.mark.slow
def test_a_run_of_two_ranks_starts_both_in_a_placement_group_over_two_nodes(tmp_path, two_nodes):
    root = fake_suite.make_root(tmp_path / 'ranks')
    assert fake_suite.run(root, gpus_per_run=2, seeds=[0]) == 0
    assert {entry['ranks'] for entry in fake_suite.read(root)['results']} == {2}
    started = [folder for _, kind, folder in fake_suite.starts(root) if kind == 'train']
    assert sorted(started) == sorted([*{*started}] * 2)  # each folder twice
    assert sorted((root / 'ranks').read_text().split()) == ['0/2'] * 4 + ['1/2'] * 4


def test_two_runs_share_a_gpu(tmp_path, two_nodes):
    root = fake_suite.make_root(tmp_path / 'shared')
    with pytest.raises(ValueError, match='a run needs 3 x 1 CPUs and 1 GPUs, which this'):
        fake_suite.run(root, gpus_per_run=3)
    assert fake_suite.run(root, gpus_per_run=0.5, seeds=[0]) == 0
    assert len(fake_suite.figures(root)) == 3


def test_progress_and_the_time_left_are_on_the_console(tmp_path, cluster, capsys):
    root = fake_suite.make_root(tmp_path / 'console')
    (root / 'break_second').touch()
    assert fake_suite.run(root, seeds=[0], jobs=1) == 1
    lines = capsys.readouterr().out.splitlines()
    left = r'about \d:\d\d:\d\d left'
    assert re.fullmatch(rf'\[1/4\] street and initialisation, seed 0; {left}', lines[0])
    assert re.fullmatch(rf'\[2/4\] First, seed 0: mIoU [\d.]+ %, TC [\d.]+ %, flicker [\d.]+ %; {left}', lines[1])
    assert lines[2].startswith('failed: training of Second, seed 0: exit code 1: RuntimeError: broken on purpose')
    assert re.fullmatch(r'\[4/4\] Third, seed 0: .*; about 0:00:00 left', lines[3])


def test_the_time_left_is_no_shorter_than_the_longest_job(cluster):
    seconds_left = import_module('benchmarks.suites.driver').seconds_left  # needs Ray
    assert seconds_left([], [], [100.0, 10.0], places=4) == 100
    assert seconds_left([(10, 5), (30, 15)], [(100, 20)], [60], places=1) == 60  # half as long as thought: 30 + 30
    assert seconds_left([(10, 10)], [(5, 50)], [], places=2) == 0


def test_a_training_that_somebody_else_stops_is_started_again(whole, tmp_path, cluster):
    root = fake_suite.make_root(tmp_path / 'stopped')
    (root / 'nudge_second').touch()  # it is stopped in the first iteration of three starts
    assert fake_suite.run(root, seeds=[0]) == 0
    assert fake_suite.figures(root) == {key: value for key, value in whole.items() if key[1] == 0}
    starts = [kind for _, kind, folder in fake_suite.starts(root) if fake_suite.run_of(folder)[0] == 'second']
    assert starts == [*['train'] * 4, 'test']


def test_a_training_that_is_stopped_and_never_gets_on_fails(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr('benchmarks.suites.driver.RETRIES', 2)
    root = fake_suite.make_root(tmp_path / 'stuck')
    (root / 'preempt_second').touch()
    assert fake_suite.run(root, seeds=[0]) == 1
    assert [run for run, _ in sorted(fake_suite.figures(root))] == ['first', 'third']
    starts = [kind for _, kind, folder in fake_suite.starts(root) if fake_suite.run_of(folder)[0] == 'second']
    assert starts == ['train'] * 3
    assert 'training of Second, seed 0: exit code 75' in fake_suite.read(root)['failures'][0]['reason']


def test_nothing_but_results_json_is_needed_to_go_on_elsewhere(whole, tmp_path, cluster):
    here, there = fake_suite.make_root(tmp_path / 'here'), fake_suite.make_root(tmp_path / 'there')
    assert fake_suite.run(here, seeds=[1]) == 0
    assert fake_suite.run(there, resume=str(here / 'out/results.json'), seeds=[0]) == 0
    assert fake_suite.figures(there) == whole
    assert {folder.rsplit('/', 2)[-1] for _, kind, folder in fake_suite.starts(there) if kind == 'test'} == {'seed_0'}


def test_a_row_that_fails_stops_no_other_and_is_tried_again(whole, tmp_path, cluster):
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


def test_an_initialisation_that_fails_fails_the_rows_of_its_seed(tmp_path, cluster):
    root = fake_suite.make_root(tmp_path / 'no_init')
    (root / 'break_seed_1').touch()
    assert fake_suite.run(root) == 1
    assert {seed for _, seed in fake_suite.figures(root)} == {0}
    assert [(x['run'], x['seed']) for x in fake_suite.read(root)['failures']] == [
        ('first', 1), ('second', 1), ('third', 1),
    ]  # fmt: skip
