"""What a figure was made with, apart from its config."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

CHANGES = '+changes'  # follows a git revision where files of it were changed


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
