"""What makes a results.json unreadable."""

from collections.abc import Iterator, Mapping
from typing import Any

from .row import FIGURES

_CONTENT = dict(suite=str, seeds=list, schedule=dict, results=list)
_SCHEDULE = dict(world=dict, runs=dict)
_ENTRY = dict(run=str, seed=int, config_hash=str, metrics=dict)
_NAMES = {dict: 'an object', list: 'a list', str: 'a text', int: 'a whole number', float: 'a number'}


def faults_of(content: Mapping[str, Any]) -> Iterator[str]:
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
