"""Stands in for the tools that a benchmark starts: a training is a chain of hashes, and its figure the last of them.

Run by ``fake_suite``; imports the standard library only, to start fast.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

ITERATIONS = 12
INTERVAL = 4
asked = []


def value_of(flag):
    return sys.argv[sys.argv.index(flag) + 1]


def option(key, default=''):
    return next((word.partition('=')[2] for word in sys.argv if word.startswith(f'{key}=')), default)


def write(path, text):
    draft = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    draft.write_text(text)
    draft.replace(path)


def note(folder, what):
    """Add a line to the journal of all starts, above the folders of both runs and streets."""
    with open(option('journal'), 'a') as journal:
        journal.write(f'{os.getpid()} {what} {folder}\n')


def is_wanted(what, folder):
    """Whether there is a file ``<what>_<run>``, or ``<what>_seed_<n>`` for an initialisation."""
    names = folder.parent.name, folder.parent.name.rpartition('_')[0]  # of a run: without the hash
    return any(Path(option('journal')).with_name(f'{what}_{name}').exists() for name in names)


def make_streetworld():
    folder = Path(value_of('--out'))
    note(folder, 'world')
    folder.mkdir(parents=True, exist_ok=True)
    version, world = Path(option('journal')).with_name('street_version'), folder / 'world.json'
    made = dict(version=int(version.read_text()) if version.exists() else 1, seed=int(value_of('--seed')))
    if world.exists() and json.loads(world.read_text()) != made:
        sys.exit(f'make_streetworld: {folder} holds a StreetWorld made otherwise')
    time.sleep(0.02)
    write(folder / 'street', f'{made}')
    write(world, json.dumps(made))


def note_rank():
    if 'RANK' in os.environ:
        with open(Path(option('journal')).with_name('ranks'), 'a') as ranks:
            ranks.write(f'{os.environ["RANK"]}/{os.environ["WORLD_SIZE"]}\n')


def pause():
    """Seconds of an iteration: what the file ``slow`` says while it is there."""
    try:
        return float(Path(option('journal')).with_name('slow').read_text())
    except FileNotFoundError:
        return 0.005


def train():
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    folder = Path(value_of('--work-dir'))
    note(folder, 'train')
    note_rank()
    folder.mkdir(parents=True, exist_ok=True)
    if is_wanted('break', folder):
        sys.exit('RuntimeError: broken on purpose')
    if is_wanted('preempt', folder):
        sys.exit(75)
    pointer, start, state = folder / 'last_checkpoint', 0, value_of('--seed') + option('shift')
    if pointer.is_file():
        start, state = json.loads(Path(pointer.read_text()).read_text())
    elif option('load_from'):
        state += Path(option('load_from')).read_text()
    if is_wanted('nudge', folder) and start < 3:  # it is stopped in its first iteration
        os.kill(os.getpid(), signal.SIGTERM)
    street = Path(option('val_dataloader.dataset.data_root')).parent / 'street'
    for i in range(start, ITERATIONS):
        time.sleep(pause())
        state = hashlib.sha256(f'{state} {i} {street.read_text()}'.encode()).hexdigest()
        if (i + 1) % INTERVAL == 0 or i + 1 == ITERATIONS or asked:
            write(folder / f'iter_{i + 1}.pth', json.dumps([i + 1, state]))
            write(pointer, str(folder / f'iter_{i + 1}.pth'))
        if asked and i + 1 < ITERATIONS:
            sys.exit(75)


def test():
    folder = Path(value_of('--work-dir'))
    note(folder, 'test')
    number = int(json.loads(Path(sys.argv[3]).read_text())[1][:6], 16) / 16**6
    metrics = dict(mIoU=100 * number, TC=number, flicker=1 - number, protocol='viper15', TC_preset='clean')
    write(folder / 'metrics.json', json.dumps(metrics))


if __name__ == '__main__':
    globals()[sys.argv[1]]()
