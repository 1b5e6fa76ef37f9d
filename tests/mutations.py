"""Files that went bad, and what may come of reading them: the parts of the fast and the long fuzz test.

A mutated file must be refused with its name, or read as it was. Where a format has no checksum, a flipped bit cannot be
told from the file, and other values of the same shape are allowed; see ``mutable_files.UNTOLD``.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.registry import init_default_scope
from mutable_files import CITY, NAMES, OTHERS, READERS, Reader

KINDS = ('flip', 'flips', 'zeros', 'cut', 'empty', 'size', 'swap', 'absent', 'folder')


class Case(NamedTuple):
    reader: str
    file: str
    kind: str
    seed: int


def cases(seed: int, count: int) -> list[Case]:
    """All readers in turn, each with its files and with mutations drawn at random."""
    rng = np.random.default_rng(seed)
    names = list(READERS)
    drawn = [(names[i % len(names)], rng.integers(2), str(rng.choice(KINDS)), int(rng.integers(1 << 31)))
             for i in range(count)]  # fmt: skip
    return [Case(name, READERS[name].files[which % len(READERS[name].files)], kind, seed)
            for name, which, kind, seed in drawn]  # fmt: skip


def mutate(root: Path, case: Case, pristine: Path, resized: Path) -> str:
    """Damage a file of a copy of its part of the tree; where it is swapped, the file that took its place."""
    top = Path(case.file).parts[0]
    (shutil.copytree if (pristine / top).is_dir() else shutil.copy2)(pristine / top, root / top)
    rng = np.random.default_rng(case.seed)
    path = root / case.file
    data = bytearray(path.read_bytes())
    source = ''
    if case.kind in ('flip', 'flips'):
        for bit in rng.integers(8 * len(data), size=1 if case.kind == 'flip' else 3):
            data[bit // 8] ^= 1 << (bit % 8)
    elif case.kind == 'zeros':
        start = int(rng.integers(len(data)))
        data[start : start + 24] = bytes(len(data[start : start + 24]))
    elif case.kind == 'cut':
        del data[int(rng.integers(1, len(data))) :]
    elif case.kind == 'empty':
        data.clear()
    elif case.kind == 'size':
        data = (resized / case.file).read_bytes()
    elif case.kind == 'swap':
        source = str(rng.choice(OTHERS))
        data = (pristine / source).read_bytes()
    path.unlink()
    if case.kind == 'folder':
        path.mkdir()
    elif case.kind != 'absent':
        path.write_bytes(data)
    return source


_expected: dict[str, list[np.ndarray]] = {}


def run_case(case: Case, pristine: str, resized: str, folder: str) -> str:
    """Mutate a copy of the tree, read it, and say what is wrong with what came of it ('' for nothing)."""
    init_default_scope('mmseg')
    reader = READERS[case.reader]
    root = Path(folder)
    root.mkdir()
    if case.reader not in _expected:
        _expected[case.reader] = reader.read(Path(pristine))
    expected = _expected[case.reader]
    source = mutate(root, case, Path(pristine), Path(resized))
    try:
        found = reader.read(root)
    except (OSError, ValueError) as error:
        name = Path(case.file).name
        return '' if name in str(error) or name.split('_leftImg8bit')[0] in str(error) else f'no {name} in: {error!r}'
    except Exception as error:
        return f'{type(error).__name__} instead of a message: {error}'
    finally:
        shutil.rmtree(root)
    return '' if _is_fine(case, reader, expected, found, source) else 'read as if nothing had happened'


def _is_fine(case: Case, reader: Reader, expected: list, found: list, source: str) -> bool:
    if len(found) == len(expected) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(expected, found)):
        return True
    return case.kind in reader.untold or (case.kind == 'swap' and _is_same_kind(case.file, source))


def _is_same_kind(file: str, source: str) -> bool:
    """Whether one file may stand in for the other: pictures of one size, and labels of known ids."""
    pictures = {CITY.format(20), f'viper/train/img/{NAMES[2]}.jpg'}
    if source in pictures:
        return 'img' in file or 'leftImg8bit' in file or 'rgb' in file or 'frames' in file
    indices = file.startswith(('pseudo', 'frames')) or 'labelIds' in file
    return Path(file).suffix == '.png' and indices and source == f'viper/train/cls/{NAMES[1]}.png'
