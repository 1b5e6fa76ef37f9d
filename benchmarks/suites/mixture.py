"""Whether the figures of a table were made alike."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .provenance import CHANGES

_COMMIT_DIGITS = 10


def mixture(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say with what more than one of a kind entries were made, and with which code that is in no commit.

    Args:
        entries: Entries of results.json; what one does not tell, as one of an older version, is left out.

    Example:
        >>> mixture([dict(device='cpu', python='3.11'), dict(device='H100', python='3.11'), {}])
        ['more than one device (H100, cpu)']
        >>> mixture([dict(git_revision='a7773a49d220106f338d57661309a77162e1690e+changes')])
        ['uncommitted changes to git revision a7773a49d2']
    """
    found: dict[str, set[str]] = {}
    for entry in entries:
        for name, value in _facts(entry):
            found.setdefault(name, set()).add('unknown' if value is None else str(value))
    said = [f'more than one {name} ({", ".join(sorted(values))})' for name, values in found.items() if len(values) > 1]
    changed = [value for value in sorted(found.get('git revision', ())) if value.endswith(CHANGES)]
    return said + [f'uncommitted changes to git revision {value.removesuffix(CHANGES)}' for value in changed]


def _facts(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give what may change figures although the config is the same."""
    if 'git_revision' in entry:
        yield 'git revision', _short(entry['git_revision'])
    named = dict.fromkeys(('device', 'python', 'street_version', 'threads', 'ranks'), entry)
    named['processor'] = entry.get('machine') or {}
    for key, holder in named.items():
        if key in holder:
            yield key.replace('_', ' ').removesuffix('s'), holder[key]
    versions = entry.get('metrics', {}).get('versions') or {}
    for library, version in versions.items():
        yield f'version of {library}', version


def _short(revision: str | None) -> str | None:
    if revision is None:
        return None
    commit = revision.removesuffix(CHANGES)
    return commit[:_COMMIT_DIGITS] + revision[len(commit) :]
