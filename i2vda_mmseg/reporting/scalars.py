"""What a run logged, joined over its restarts."""

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .figures import is_number

_RESUMED = re.compile(r'^resume\s*=\s*True\b', re.MULTILINE)  # in a config as mmengine dumps it

Scalars = dict[str, dict[int, float]]  # name -> iteration -> value


def read_scalars(folder: Path) -> tuple[Scalars, Scalars, int]:
    """Read all scalars.json of a work dir.

    Each start of a run writes a file of its own, beside the config that it ran with. That says ``resume = True`` only
    if there was a checkpoint to go on from, whatever ``--resume`` asked for: then, what an earlier start logged at and
    after the first iteration of the later one was trained again, and the later file counts. A start afresh is another
    training: nothing logged before it counts. A start without a config is taken for one that went on.
    Of a start that logged to TensorBoard alone nothing is known, nor of what came before it.

    Returns:
        Training scalars, validation scalars, and the number of lines that are torn or no JSON.
    """
    train: Scalars = {}
    validation: Scalars = {}
    torn = 0
    for path in _starts(folder):
        if not path.is_file():  # a training that logged elsewhere
            for table in (train, validation):
                _forget_from(table, 0)
            continue
        entries, unreadable = _entries(path)
        torn += unreadable
        starts = [entry['step'] for entry in entries if 'iter' in entry]
        for table in (train, validation) if starts else ():
            _forget_from(table, min(starts) if went_on(path.with_name('config.py')) else 0)
        for entry in entries:
            table = train if 'iter' in entry else validation
            for name, value in entry.items():
                if name not in ('iter', 'step', 'epoch') and is_number(value) and math.isfinite(value):
                    table.setdefault(name, {})[entry['step']] = float(value)
    return train, validation, torn


def trained_configs(folder: Path) -> list[Path]:
    """Give the dumped config of each start that logged iterations, the first start first."""
    found = (path for path in folder.glob('*/vis_data/scalars.json') if path.is_file())
    starts = sorted(found, key=lambda path: path.parts[-3])
    return [path.with_name('config.py') for path in starts if any('iter' in entry for entry in _entries(path)[0])]


def _starts(folder: Path) -> list[Path]:
    """Give the scalars.json of each start, also where it is not there because the start logged to TensorBoard alone."""
    data = {path.parent for name in ('scalars.json', 'events.out.*') for path in folder.glob(f'*/vis_data/{name}')}
    return sorted((path / 'scalars.json' for path in data), key=lambda path: path.parts[-3])


def _entries(path: Path) -> tuple[list[dict[str, Any]], int]:
    entries, unreadable = [], 0
    for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # a run was killed while it wrote
            unreadable += bool(line.strip())
            continue
        if isinstance(entry, dict) and isinstance(entry.get('step'), int):
            entries.append(entry)
    return entries, unreadable


def went_on(config: Path) -> bool:
    """Whether the start that dumped a config went on from a checkpoint; one without a config is taken for one."""
    return not config.is_file() or bool(_RESUMED.search(config.read_text(encoding='utf-8', errors='replace')))


def _forget_from(table: Scalars, step: int) -> None:
    for points in table.values():
        for later in [known for known in points if known >= step]:
            del points[later]


def names_of(tables: Iterable[Scalars]) -> list[str]:
    """Give the names of all tables that hold a point, each once, in their order."""
    return list(dict.fromkeys(name for table in tables for name, points in table.items() if points))
