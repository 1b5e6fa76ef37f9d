"""Which checkpoint of a work dir a run goes on from."""

import logging
import re
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from i2vda_mmseg.fileio.checkpoint_reading import DamagedCheckpointError, read_checkpoint

POINTER = 'last_checkpoint'
_NEEDED = ('meta', 'state_dict', 'optimizer', 'message_hub')


def find_resumable(work_dir: str | Path) -> Path | None:
    """Find the newest checkpoint of a work dir that is whole.

    The file ``last_checkpoint`` names the newest one. If that is damaged or gone, the log says so in one line and the
    one before it is tried (``iter_<n>.pth`` in the same folder, by number). An empty ``last_checkpoint`` is of a run
    that had saved none yet: only later files are its own. None, if there is none.

    Raises:
        FileNotFoundError: If the only one that is named is gone.
        DamagedCheckpointError: If there are checkpoints, but none is whole.
    """
    faults: list[Exception] = []
    for path in _candidates(Path(work_dir)):
        try:
            read_resumable(path)
        except (FileNotFoundError, DamagedCheckpointError) as fault:
            print_log(f'--resume: {fault}; trying the checkpoint before it', 'current', logging.WARNING)
            faults.append(fault)
        else:
            return path
    if faults and all(isinstance(fault, FileNotFoundError) for fault in faults):
        raise FileNotFoundError(f'--resume: {faults[0]}')
    if faults:
        raise DamagedCheckpointError(
            f'--resume: no checkpoint in {work_dir} is whole: {"; ".join(map(str, faults))}. '
            'To start afresh, remove them or choose another --work-dir'
        )
    return None


def _candidates(work_dir: Path) -> list[Path]:
    pointer = work_dir / POINTER
    named = pointer.read_text(encoding='utf-8', errors='replace').strip() if pointer.is_file() else None
    if named is None or '\0' in named:
        return [*numbered_checkpoints(work_dir).values()]
    if not named:
        since = pointer.stat().st_mtime_ns
        return [path for path in numbered_checkpoints(work_dir).values() if path.stat().st_mtime_ns >= since]
    newest = Path(named)
    if not newest.is_file() and (work_dir / newest.name).is_file():  # the work dir was moved
        newest = work_dir / newest.name
    before = iteration_of(newest)
    return [newest, *(path for number, path in numbered_checkpoints(newest.parent).items() if number < before)]


def numbered_checkpoints(folder: Path) -> dict[int, Path]:
    """Give the ``iter_<n>.pth`` of a folder by their numbers, newest first."""
    found = [(iteration_of(path), path) for path in folder.glob('iter_*.pth')]
    return dict(sorted(((number, path) for number, path in found if number >= 0), reverse=True))


def iteration_of(path: Path) -> int:
    """Give the n of ``iter_<n>.pth``, -1 for other names."""
    match = re.fullmatch(r'iter_([0-9]+)\.pth', path.name)
    return int(match[1]) if match else -1


def read_resumable(path: str | Path) -> Any:
    """Read a checkpoint that a run can go on from; DamagedCheckpointError if it is damaged, or holds weights only."""
    content: Any = read_checkpoint(path)
    missing = [key for key in _NEEDED if not isinstance(content, dict) or key not in content]
    if missing:
        raise DamagedCheckpointError(f'{path} is no checkpoint to go on from: it lacks {", ".join(missing)}')
    return content
