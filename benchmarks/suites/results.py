"""results.json: all that a suite has found out, and all that is needed to go on with it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from i2vda_mmseg.fileio.atomic import write_atomically

from .suite import FIGURES, STREETWORLD, Row, Suite

RESULTS = 'results.json'
FORMAT = 1
DATA_SETS = {STREETWORLD: 'StreetWorld; not VIPER, SYNTHIA or Cityscapes'}
_CONTENT = dict(suite=str, seeds=list, schedule=dict, results=list)
_SCHEDULE = dict(world=dict, runs=dict)
_ENTRY = dict(run=str, seed=int, config_hash=str, metrics=dict)
_NAMES = {dict: 'an object', list: 'a list', str: 'a text', int: 'a whole number', float: 'a number'}


class ResultsError(ValueError):
    """A results.json that a suite cannot go on with."""


class Results:
    """The figures of a suite so far, on disk after each change, whole or not at all.

    Args:
        path: The file.
        suite: The suite.
        schedule: What decides the figures, see ``Suite.schedule``.
        seeds: Seeds to add to those of the earlier results.
        source: Earlier results to go on with, read if they are there; None: those of ``path``.

    Raises:
        ResultsError: If the file is damaged, or of another suite, street or config.
    """

    def __init__(
        self,
        path: Path,
        suite: Suite,
        schedule: Mapping[str, Any],
        seeds: Sequence[int] = (),
        source: Path | None = None,
    ) -> None:
        self.path = path
        self.suite = suite
        self.schedule = schedule
        self.entries: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        earlier: Iterable[int] = ()
        source = source or path
        if source.is_file():
            content = _read(source)
            _check(source, content, suite, schedule)
            self.entries, earlier = content['results'], content['seeds']
        self.seeds = sorted({*earlier, *seeds})

    def has(self, run: str, seed: int) -> bool:
        """Whether the figures of a run for a seed are there."""
        return any(entry['run'] == run and entry['seed'] == seed for entry in self.entries)

    def of(self, run: str) -> list[dict[str, Any]]:
        """Give the entries of a run, by seed."""
        return sorted((entry for entry in self.entries if entry['run'] == run), key=lambda entry: entry['seed'])

    def add(self, row: Row, seed: int, metrics: Mapping[str, Any], **facts: Any) -> None:
        """Add the figures of a run for a seed, and what they were made with, see ``record``."""
        self.record(
            dict(
                run=row.run,
                seed=seed,
                config=row.config,
                options=self.suite.options_of(row),
                config_hash=self.schedule['runs'][row.run],
                metrics=metrics,
                finished=datetime.now(UTC).isoformat(timespec='seconds'),
                **facts,
            )
        )

    def record(self, entry: Mapping[str, Any]) -> None:
        """Add the figures of a run for a seed, and write the file.

        Args:
            entry: ``run``, ``seed``, ``config_hash`` and whatever else is known.

        Raises:
            OSError: If the file cannot be written; what stood there before is untouched.
        """
        self.entries.append(dict(entry))
        self.write()

    def fail(self, run: str, seed: int, reason: str) -> None:
        """Note that a run has failed, and write the file; the next start tries it again."""
        self.failures.append(dict(run=run, seed=seed, reason=reason))
        self.write()

    def write(self) -> None:
        """Write the file."""
        content = dict(
            format=FORMAT,
            suite=self.suite.name,
            title=self.suite.title,
            data_set=DATA_SETS.get(self.suite.data, self.suite.data),
            seeds=self.seeds,
            schedule=self.schedule,
            results=self.entries,
            failures=self.failures,
        )
        self.write_beside(self.path.name, json.dumps(content, indent=2, allow_nan=False) + '\n')

    def write_beside(self, name: str, text: str) -> Path:
        """Write a file in the folder of results.json, whole or not at all; returns its path."""
        path = self.path.with_name(name)
        write_atomically(text, path)
        return path


def earlier(resume: str | Path | None, out: Path) -> Path:
    """Decide which results to go on with.

    Args:
        resume: None: start anew; 'auto': what ``out`` holds, if anything; else a results.json, of which nothing but the
            file need be left, to go on with in ``out``.
        out: Folder of the results.

    Raises:
        ResultsError: If those in ``out`` would be overwritten or mixed with others.
        FileNotFoundError: If there are none where they should be.
    """
    own = out / RESULTS
    if resume is None and own.is_file():
        raise ResultsError(f'{own} is there already; go on with it by --resume, or choose another --out')
    if resume in {None, 'auto'} or Path(str(resume)).resolve() == own:
        return own
    if not Path(str(resume)).is_file():
        raise FileNotFoundError(f'--resume: there are no results at {resume}')
    if own.is_file():
        raise ResultsError(f'{out} has results of its own; to go on with {resume}, choose another --out')
    return Path(str(resume))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        known = content['format'] == FORMAT
        faults = [*_faults_of(content)] if known else []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f'{path} holds no results of a benchmark: {type(error).__name__}: {error}') from error
    if not known or faults:
        why = f': {"; ".join(faults[:3])}' if faults else ''
        raise ResultsError(f'{path} holds no results of format {FORMAT}{why}; choose another --out')
    return content


def _check(path: Path, content: Mapping[str, Any], suite: Suite, schedule: Mapping[str, Any]) -> None:
    """Refuse results that do not belong to this suite as it is now."""
    reasons = [] if content['suite'] == suite.name else [f'suite {content["suite"]!r} there, {suite.name!r} asked for']
    reasons = reasons or [*_differences(content['schedule'], schedule), *_strangers(content['results'], schedule)]
    if reasons:
        raise ResultsError(
            f'{path} cannot be gone on with, its figures would not be comparable: {"; ".join(reasons)}. '
            'Choose another --out to start anew'
        )


def _differences(there: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in which parts two schedules differ."""
    found = []
    for part, name in (('world', 'street, {}'), ('runs', 'config hash of {}')):
        old, new = there.get(part, {}), now[part]
        found += [
            f'{name.format(key)}: {old.get(key)} there, {new.get(key)} now'
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        ]
    if there.get('init') != now['init']:
        found.append(f'config hash of the initialisation: {there.get("init")} there, {now["init"]} now')
    return found


def _strangers(entries: Iterable[Mapping[str, Any]], schedule: Mapping[str, Any]) -> list[str]:
    """Name the entries whose own config is not the suite's."""
    return [
        f'the entry of {entry["run"]}, seed {entry["seed"]}, has config hash {entry["config_hash"]}'
        for entry in entries
        if entry['config_hash'] != schedule['runs'].get(entry['run'])
    ]


def _faults_of(content: Mapping[str, Any]) -> Iterator[str]:
    """Say what is missing in the content of a results.json, or of another kind than a benchmark writes."""
    wrong = [*_wrong_kinds('', content, _CONTENT)]
    yield from wrong
    if wrong:
        return
    yield from _wrong_kinds('schedule.', content['schedule'], _SCHEDULE)
    for i, seed in enumerate(content['seeds']):
        yield from _wrong_kind(f'seeds[{i}]', seed, int)
    for i, entry in enumerate(content['results']):
        yield from _entry_faults(f'results[{i}]', entry)


def _entry_faults(place: str, entry: Any) -> Iterator[str]:
    wrong = [*_wrong_kind(place, entry, dict)] or [*_wrong_kinds(f'{place}.', entry, _ENTRY)]
    yield from wrong
    for name, _ in () if wrong else FIGURES:
        if entry['metrics'].get(name) is not None:
            yield from _wrong_kind(f'{place}.metrics.{name}', entry['metrics'][name], float)


def _wrong_kinds(place: str, content: Mapping[str, Any], kinds: Mapping[str, type]) -> Iterator[str]:
    for key, kind in kinds.items():
        if key in content:
            yield from _wrong_kind(f'{place}{key}', content[key], kind)
        else:
            yield f'{place}{key} is missing'


def _wrong_kind(place: str, value: Any, kind: type) -> Iterator[str]:
    if not isinstance(value, (int, float) if kind is float else kind):
        yield f'{place} is {value!r:.60}, but should be {_NAMES[kind]}'
