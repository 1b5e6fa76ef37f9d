"""What a figure was made with, apart from its config, and whether those of a table were made alike."""

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

CHANGES = '+changes'  # follows a git revision where files of it were changed
_COMMIT_DIGITS = 10


def provenance(root: Path, gpu: bool) -> dict[str, Any]:
    """Git revision, Python and machine.

    Args:
        root: The project's root.
        gpu: Whether there is a GPU for it.
    """
    return dict(
        git_revision=git_revision(root),
        python=platform.python_version(),
        machine=dict(processor=_processor(), cores=available_cores(), system=platform.platform()),
        device=_device_name(gpu),
    )


def git_revision(root: Path) -> str | None:
    """Commit that is checked out, with ``+changes`` if files of it were changed.

    None outside of git: an installed package may lie inside the repository of something else.
    """
    top, commit = _git(root, 'rev-parse', '--show-toplevel'), _git(root, 'rev-parse', 'HEAD')
    if top is None or commit is None or Path(top).resolve() != root.resolve():
        return None
    return f'{commit}{CHANGES}' if _git(root, 'status', '--porcelain', '--untracked-files=no') else commit


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


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


def _device_name(gpu: bool) -> str:
    if not gpu:
        return 'cpu'
    import torch  # noqa: PLC0415 - takes seconds, which a run without a GPU need not wait

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else 'cpu'


def _processor() -> str:
    info = Path('/proc/cpuinfo')
    lines = info.read_text(encoding='utf-8').splitlines() if info.is_file() else []
    found = next((line.partition(':')[2].strip() for line in lines if line.startswith('model name')), '')
    return found or platform.processor() or platform.machine()


def _git(root: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(['git', *arguments], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


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
