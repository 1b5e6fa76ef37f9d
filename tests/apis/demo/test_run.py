"""The demo with tools that only pretend: what is shown, what is logged, and that it goes on."""

import io
import json
import os
import signal
import textwrap
import threading
import time

import pytest
from rich.console import Console

from i2vda_mmseg.apis.demo import DemoOptions, demo_steps, run_demo
from i2vda_mmseg.apis.demo.run import figures_table
from i2vda_mmseg.errors import ConfigError

TOOL = textwrap.dedent("""
    import json, os, signal, sys, time
    from pathlib import Path

    name, words = Path(sys.argv[0]).stem, sys.argv[1:]
    value = lambda flag: Path(words[words.index(flag) + 1])
    wishes = Path(sys.argv[0]).parent.parent
    folder = value('--out') if '--out' in words else value('--work-dir')
    with open(wishes / 'calls', 'a') as calls:
        calls.write(json.dumps([name, folder.name, '--resume' in words, os.environ['OMP_NUM_THREADS']]) + '\\n')
    print('UserWarning: of another library', file=sys.stderr, flush=True)

    def leave(*_):
        (folder / 'saved').touch()
        sys.exit(75)

    if (wishes / f'fail_{name}_{folder.name}').exists():
        sys.exit(f'{name}: the disk is full')
    if name == 'train':
        folder.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, leave)
        for step in range(100, 900, 100):
            print(f'- INFO - Iter(train) [{step}/800] eta: 0:01  time: 0.25  loss_seg: 0.{step}', flush=True)
            while step == 300 and (wishes / f'wait_{folder.name}').exists():
                time.sleep(0.02)
        (folder / 'iter_800.pth').touch()
        (folder / 'last_checkpoint').write_text(str(folder / 'iter_800.pth'))
    elif name == 'test':
        assert words[1].endswith('iter_800.pth') and '--tc' in words
        interval = dict(low=0.6, high=0.75, clips=60)
        metrics = dict(protocol='viper15', mIoU=50.0, TC=0.7, flicker=0.1, TC_interval=interval)
        (folder / 'metrics.json').write_text(json.dumps(metrics))
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.touch() if folder.suffix else folder.mkdir(parents=True, exist_ok=True)
""")
AGAIN = 'i2vda demo --seed 3'


@pytest.fixture
def options(tmp_path):
    (tmp_path / 'tools').mkdir()
    for name in ('make_streetworld', 'train', 'test', 'report'):
        (tmp_path / f'tools/{name}.py').write_text(TOOL)
    return DemoOptions(tmp_path / 'data', tmp_path / 'runs', seed=3, threads=2, root=tmp_path)


def run(options, terminal=False, columns=110):
    """Give the exit code and what a person saw."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=terminal, width=columns, color_system=None)
    return run_demo(options, console, AGAIN, open_page=False), shown.getvalue()


def calls(options):
    return [json.loads(line) for line in (options.root / 'calls').read_text().splitlines()]


def test_the_console_is_quiet_and_the_log_has_all(options):
    code, shown = run(options)
    assert code == 0
    steps = len(demo_steps(options))
    assert [line for line in shown.splitlines() if line.startswith('Step 4')] == [
        f'Step 4 of {steps}: Test Source only ...', f'Step 4 of {steps}: Test Source only: done in 0 s',
    ]  # fmt: skip
    assert f'Step 3 of {steps}: Train Source only: done in 0 s, loss 0.800' in shown
    assert f'Full log: {options.work_dir}/demo.log' in shown
    assert f'The page: {options.work_dir}/report.html' in shown
    assert 'UserWarning' not in shown
    assert 'Iter(train)' not in shown
    log = (options.work_dir / 'demo.log').read_text()
    assert log.count('UserWarning: of another library') == steps
    assert 'Iter(train) [800/800]' in log
    for expected in ('50.0', '70.0', '60.0 to 75.0', '10.0', '2 threads'):
        assert expected in shown


def test_every_run_computes_with_the_threads_that_are_recorded(options):
    run(options)
    assert {threads for *_, threads in calls(options)} == {'2'}
    assert json.loads((options.work_dir / 'demo.json').read_text())['settings']['threads'] == 2


def once_training(options, folder, act):
    """Act, in a thread, once the log says that the training in a folder waits at iteration 300."""
    log = options.work_dir / 'demo.log'

    def waits():
        text = log.read_text() if log.exists() else ''
        return '[300/800]' in text.partition(f'--work-dir {options.work_dir / folder} ')[2]

    def watch():
        while not waits():
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_a_terminal_gets_one_live_line(options):
    wait = options.root / 'wait_i2vda'
    wait.touch()

    def release():
        time.sleep(0.3)  # the line is drawn ten times a second
        wait.unlink()

    watcher = once_training(options, 'i2vda', release)
    _, shown = run(options, terminal=True)
    watcher.join()
    assert '300/800 iterations, loss 0.300, 4.0/s, 2:05 left' in shown
    assert 'Step 7 of 10: Train I2VDA' in shown
    assert 'Train I2VDA ...' not in shown


@pytest.fixture
def listening():
    """Ctrl-C interrupts, also where the tests run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures('listening')
def test_an_interrupted_demo_says_how_to_go_on_and_does(options):
    wait = options.root / 'wait_source_only'
    wait.touch()
    watcher = once_training(options, 'source_only', lambda: os.kill(os.getpid(), signal.SIGINT))  # Ctrl-C
    code, shown = run(options)
    watcher.join()
    assert code == 130
    assert shown.splitlines()[-1] == f'Stopped in step 3 of 10. To go on from there: {AGAIN}'
    assert (options.work_dir / 'source_only/saved').exists()  # it was let finish its iteration
    wait.unlink()
    before = calls(options)
    assert [call[:2] for call in before] == [['make_streetworld', 'data'], ['train', 'init'], ['train', 'source_only']]
    code, shown = run(options)
    assert code == 0
    assert '2 of 10 steps are done, going on' in shown
    after = calls(options)[len(before) :]
    assert after[0][:3] == ['train', 'source_only', True]
    assert [call[1] for call in after if call[0] == 'train'] == ['source_only', 'adaptsegnet', 'i2vda']
    assert not any(resumed for *_, resumed, _ in after[1:])
    code, shown = run(options)
    assert (code, calls(options)[len(before) + len(after) :]) == (0, [])
    assert 'all 10 steps are done already; --fresh starts over' in shown


def test_a_failure_is_told_in_the_words_of_the_tool_and_the_step_is_tried_again(options):
    wish = options.root / 'fail_test_i2vda'
    wish.touch()
    code, shown = run(options)
    assert code == 1
    assert 'Step 8 of 10 failed. It said:' in shown
    assert 'test: the disk is full' in shown
    assert f'All of it is in {options.work_dir}/demo.log. To try again from there: {AGAIN}' in shown
    assert 'Traceback' not in shown
    wish.unlink()
    assert run(options)[0] == 0


def test_a_demo_of_other_settings_is_not_mixed_with_this_one(options):
    run(options)
    with pytest.raises(ConfigError, match=r'holds a demo with seed 3 and not 4, threads 2 and not 1; .*--fresh'):
        run(options._replace(seed=4, threads=1))
    marker = options.work_dir / 'i2vda/of_the_first'
    marker.touch()
    assert run(options._replace(seed=4, fresh=True))[0] == 0
    assert not marker.exists()


def test_runs_that_no_demo_has_noted_are_not_gone_on_with(options):
    (options.work_dir / 'i2vda').mkdir(parents=True)
    with pytest.raises(ConfigError, match='i2vda is there already, of no demo that could go on; start over with --fr'):
        run(options)


@pytest.mark.parametrize('content', ['{', '[]', '{"settings": 3}'])
def test_a_damaged_journal_is_named(options, content):
    options.work_dir.mkdir()
    (options.work_dir / 'demo.json').write_text(content)
    with pytest.raises(ConfigError, match=r'demo\.json is damaged; start over with --fresh'):
        run(options)


def test_a_figure_that_is_not_there_leaves_a_gap():
    table = figures_table({'A': dict(protocol='p', mIoU=None, seconds=5.0)}, 1)
    console = Console(file=io.StringIO(), width=80)
    console.print(table)
    assert 'mIoU' in console.file.getvalue()
