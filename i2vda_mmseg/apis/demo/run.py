"""Running the demo: one tool after the other, their output in a log, one line of it on the console."""

import json
import os
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from i2vda_mmseg.reporting.figures import percent

from .journal import Journal
from .plan import DemoOptions, Step, demo_steps, method_folders, page_of
from .progress import StepDisplay, duration

LOG = 'demo.log'
_DIE_WITH_PARENT = Path(__file__).parents[1] / 'die_with_parent.py'
_PATIENCE = 120  # seconds that a training gets to finish its iteration and save
_SAID_LAST = 6  # lines of a tool that failed
_THREADS = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')
_PREEMPTED = 75  # exit code of a training that has saved a checkpoint because it was asked to stop


class StepError(Exception):
    """A tool ended with a fault."""


def run_demo(options: DemoOptions, console: Console, again: str, open_page: bool = True) -> int:
    """Run what of the demo has not been run, and show the figures and where the page is.

    Args:
        options: What to run.
        console: Where a person looks.
        again: The command that goes on, for the message after an interruption.
        open_page: Whether to open the page in a browser, if there is a display.

    Returns:
        The exit code.

    Raises:
        ConfigError: If the work dir holds something else.
    """
    steps = demo_steps(options)
    journal = Journal(options, steps)
    log = options.work_dir / LOG
    done = [step for step in steps if step.name in journal.done]
    _say(console, _introduction(options, len(steps), len(done), log))
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('a', encoding='utf-8') as file:
        for number, step in enumerate(steps, start=1):
            if step in done:
                continue
            try:
                _run(step, f'Step {number} of {len(steps)}: {step.title}', journal, options, console, file)
            except KeyboardInterrupt:
                console.print(
                    f'Stopped in step {number} of {len(steps)}. To go on from there: {again}', highlight=False
                )
                return 130
            except StepError as error:
                _say(console, f'Step {number} of {len(steps)} failed. {error}')
                _say(console, f'All of it is in {log}. To try again from there: {again}')
                return 1
    _finish(options, journal, console, open_page)
    return 0


def _say(console: Console, sentence: str) -> None:
    """Print as it is, so that a path or a command can be copied whole."""
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _introduction(options: DemoOptions, steps: int, done: int, log: Path) -> str:
    length = 'three minutes; the figures mean nothing' if options.smoke else 'ten minutes on two cores'
    told = f'{steps} steps, about {length}' if not done else f'{done} of {steps} steps are done, going on'
    told = told if done < steps else f'all {steps} steps are done already; --fresh starts over'
    return f'Demo: {told}. Seed {options.seed}, {options.threads} threads. Full log: {log}'


def _run(step: Step, head: str, journal: Journal, options: DemoOptions, console: Console, log: TextIO) -> None:
    """Run a step, and note how it ended."""
    words = step.words(journal.begin(step))
    environment = os.environ | dict.fromkeys(_THREADS, str(options.threads))
    display = StepDisplay(console, head)
    is_done = False
    try:
        with display:
            run_tool_quietly(words, environment, log, display.show)
        is_done = True
    finally:
        journal.end(step, display.seconds, is_done)


def run_tool_quietly(
    words: Sequence[str], environment: dict[str, str], log: TextIO, tell: Callable[[str], None]
) -> None:
    """Run a tool with its output in a log.

    Ctrl-C does not reach it: it is asked to end by SIGTERM, at which a training finishes its iteration and saves.

    Args:
        words: The tool and its arguments.
        environment: Of its process.
        log: Takes all that it says, warnings of libraries as well.
        tell: Called with each line.

    Raises:
        KeyboardInterrupt: After it has ended, if Ctrl-C was pressed.
        StepError: If it failed, with its last lines.
    """
    log.write(f'$ {" ".join(words)}\n')
    log.flush()
    wrapped = [sys.executable, '-I', '-S', str(_DIE_WITH_PARENT), str(os.getpid()), sys.executable, *words]
    process = subprocess.Popen(
        wrapped, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
        start_new_session=True,
    )  # fmt: skip
    last: list[str] = []
    try:
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            last = [*last, line.rstrip()][-_SAID_LAST:] if line.strip() else last
            tell(line)
        code = process.wait()
    except KeyboardInterrupt:
        _stop(process, log)
        raise
    finally:
        log.flush()
        if process.stdout is not None:
            process.stdout.close()
    if code == _PREEMPTED:  # somebody else has stopped it: a scheduler, or a shutdown
        raise KeyboardInterrupt
    if code:
        raise StepError('It said:\n  ' + '\n  '.join(last))


def _stop(process: subprocess.Popen, log: TextIO) -> None:
    """Ask a tool to end, and wait for it; at a second Ctrl-C, or after two minutes, it is ended."""
    process.terminate()
    try:
        said, _ = process.communicate(timeout=_PATIENCE)
        log.write(said or '')
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        process.kill()
        process.wait()


def _finish(options: DemoOptions, journal: Journal, console: Console, open_page: bool) -> None:
    rows = {}
    for name, folder in method_folders(options).items():
        metrics = json.loads((folder / 'metrics.json').read_text(encoding='utf-8'))
        rows[name] = metrics | dict(seconds=journal.seconds.get(f'train {folder.name}', 0.0))
    console.print(figures_table(rows, options.threads))
    page = page_of(options).resolve()
    console.print(
        f'{duration(sum(journal.seconds.values()))} in all. The page: {page}', highlight=False, soft_wrap=True
    )
    if open_page and console.is_terminal and _has_display():
        webbrowser.open(page.as_uri())


def figures_table(rows: dict[str, dict[str, Any]], threads: int) -> Table:
    """Lay out means and their intervals in percent, and the time of the trainings."""
    table = Table(title=f'{next(iter(rows.values()))["protocol"]}, in percent, {threads} threads')
    table.add_column('')
    for name in rows:
        table.add_column(name, justify='right')
    for figure, arrow in (('mIoU', '↑'), ('TC', '↑'), ('flicker', '↓')):
        table.add_row(f'{figure} {arrow}', *(percent(figure, row.get(figure)) or '-' for row in rows.values()))
        bounds = [_bounds(figure, row.get(f'{figure}_interval')) for row in rows.values()]
        if any(bounds):
            table.add_row('  95 % of other clips', *bounds, style='dim')
    table.add_section()
    table.add_row('training', *(duration(row['seconds']) for row in rows.values()))
    return table


def _bounds(figure: str, interval: Any) -> str:
    if not isinstance(interval, dict):
        return ''
    return f'{percent(figure, interval.get("low"))} to {percent(figure, interval.get("high"))}'


def _has_display() -> bool:
    return sys.platform in ('darwin', 'win32') or any(os.environ.get(name) for name in ('DISPLAY', 'WAYLAND_DISPLAY'))
