"""Runs that are killed again and again, and end as if nothing had happened: ``make stress``.

Each test prints its seed; ``I2VDA_STRESS_SEED=n make stress`` has the same moments again.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from stress import runs

from i2vda_mmseg.engine.checkpoints import read_checkpoint

CONFIGURATIONS = {
    'one process': ({}, 1, 20),
    'two data workers': ({'train_dataloader.num_workers': 2, 'train_dataloader.persistent_workers': True}, 1, 5),
    'two ranks': ({}, 2, 5),
}


@pytest.fixture(scope='module', params=CONFIGURATIONS)
def whole(request, tmp_path_factory):
    """A run that nobody kills, with its config, number of ranks and number of kills."""
    options, ranks, kills = CONFIGURATIONS[request.param]
    folder = tmp_path_factory.mktemp('kills')
    config = runs.write_config(folder, **options)
    runs.finish(config, folder / 'whole', ranks=ranks)
    return config, ranks, kills, runs.final_state(folder / 'whole')


def kill_at_random(config, work_dir, ranks, kills, draw, longest):
    """Start a run and kill it up to ``kills`` times: mostly among its iterations, now and then while it starts."""
    done, moments = 0, []
    while done < kills:
        process = runs.start(config, work_dir, ranks)
        if draw.random() < 0.9:
            logs, iterations = runs.logs_of(work_dir), draw.randrange(longest)
            runs.wait_for(lambda old=logs, n=iterations: runs.iterations_logged(work_dir, old) >= n, process)
            time.sleep(draw.uniform(0, 0.3))
        else:
            time.sleep(draw.uniform(0, 8))
        if not runs.kill(process):
            assert process.returncode == 0
            break
        done += 1
        moments.append(latest(work_dir))
    runs.say(f'{done} kills; last_checkpoint after each: {" ".join(moments)}')
    return done


def latest(work_dir):
    pointer = Path(work_dir, 'last_checkpoint')
    return Path(pointer.read_text()).stem if pointer.is_file() else '-'


def test_a_run_that_is_killed_at_random_moments_ends_like_one_that_is_not(whole, tmp_path):
    config, ranks, kills, expected = whole
    draw = runs.draws(f'{ranks} {kills}')
    done, attempts, equal = 0, 0, 0
    while done < kills:
        attempts += 1
        work_dir = tmp_path / f'run_{attempts}'
        done += kill_at_random(config, work_dir, ranks, kills - done, draw, max(10, 100 // kills))
        runs.finish(config, work_dir, ranks=ranks)
        found = runs.differences(expected, runs.final_state(work_dir))
        assert found == [], found[:5]
        assert runs.unfinished(work_dir) == []
        assert len(list(work_dir.glob('iter_*.pth'))) == 3
        equal += 1
    runs.say(f'{done} of {kills} kills over {attempts} run(s), {equal} of {attempts} equal to the uninterrupted run')


@pytest.mark.parametrize('whole', ['one process'], indirect=True)
def test_a_run_that_is_killed_while_it_writes_checkpoints(whole, tmp_path):
    """Each kill strikes when a temporary file is there, or right after it got its name."""
    config, _, _, expected = whole
    draw, work_dir, hits = runs.draws('writing'), tmp_path / 'run', 0
    for _ in range(8):
        process = runs.start(config, work_dir)
        seen = latest(work_dir)
        skip = draw.randrange(2)  # the first or the second checkpoint that this process writes
        wanted = f'iter_{(0 if seen == "-" else int(seen.split("_")[1])) + 5 * (skip + 1)}.pth'
        runs.wait_for(
            lambda name=wanted: list(work_dir.glob(f'.{name}.*.tmp')) or (work_dir / name).exists(), process, pause=0
        )
        hits += bool(runs.unfinished(work_dir))
        if not runs.kill(process):
            break
    runs.say(f'{hits} kills with a temporary file in place')
    runs.finish(config, work_dir)
    assert runs.differences(expected, runs.final_state(work_dir)) == []
    assert runs.unfinished(work_dir) == []


@pytest.mark.parametrize('whole', CONFIGURATIONS, indirect=True)
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_a_run_that_is_asked_to_stop_saves_and_says_75(whole, tmp_path, number):
    """The signal goes to every process of the run, as a cluster sends it."""
    config, ranks, _, expected = whole
    draw, work_dir = runs.draws(f'asked {number} {ranks}'), tmp_path / 'run'
    for _ in range(3):
        process = runs.start(config, work_dir, ranks)
        logs, iterations = runs.logs_of(work_dir), draw.randrange(1, 16)
        runs.wait_for(lambda old=logs, n=iterations: runs.iterations_logged(work_dir, old) >= n, process)
        time.sleep(draw.uniform(0, 0.3))
        asked = time.monotonic()
        os.killpg(process.pid, number)
        code = process.wait(timeout=60)
        if code == 0:  # it was over before
            break
        runs.say(f'{number.name}: code {code} after {time.monotonic() - asked:.1f} s at {latest(work_dir)}')
        assert code == 75
    runs.finish(config, work_dir, ranks=ranks)
    assert runs.differences(expected, runs.final_state(work_dir)) == []


@pytest.mark.parametrize('whole', ['two ranks'], indirect=True)
def test_a_run_comes_back_by_itself_after_one_rank_is_killed(whole, tmp_path):
    config, ranks, _, expected = whole
    draw, work_dir = runs.draws('restart'), tmp_path / 'run'
    process = runs.start(config, work_dir, ranks, MAX_RESTARTS='2')
    for strike in range(2):
        mark = ('-', 'iter_5', 'iter_10') if strike == 0 else (latest(work_dir),)
        runs.wait_for(lambda old=mark: latest(work_dir) not in old, process)
        time.sleep(draw.uniform(0, 0.5))
        trainers = runs.ranks_of(process)
        assert len(trainers) == 2
        os.kill(draw.choice(trainers), signal.SIGKILL)
        runs.say(f'killed one of {trainers} at {latest(work_dir)}')
    assert process.wait(timeout=400) == 0
    assert runs.differences(expected, runs.final_state(work_dir)) == []


@pytest.fixture
def small_disk(tmp_path, whole):
    """Mount a file system with room for two and a half checkpoints."""
    place = tmp_path / 'disk'
    place.mkdir()
    size = max(path.stat().st_size for path in whole[0].parent.glob('whole/iter_*.pth')) * 5 // 2
    command = ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip('mounting a small disk needs more rights')
    yield place
    subprocess.run(['umount', str(place)], check=True)


@pytest.mark.parametrize('whole', ['one process'], indirect=True)
def test_a_disk_that_is_full(whole, tmp_path, small_disk):
    config, _, _, expected = whole
    work_dir, log = small_disk / 'run', tmp_path / 'run.log'
    assert runs.start(config, work_dir, log=log).wait(timeout=900) == 1
    said = log.read_text().splitlines()[-1]
    runs.say(said)
    assert 'No space left on device' in said
    last = Path(work_dir, 'last_checkpoint').read_text()
    assert last in said
    read_checkpoint(last)
    subprocess.run(['mount', '-o', 'remount,size=1g', str(small_disk)], check=True)
    runs.finish(config, work_dir, log=log)
    assert runs.differences(expected, runs.final_state(work_dir)) == []
