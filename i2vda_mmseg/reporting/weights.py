"""Which checkpoint a run's pictures are drawn with."""

import filecmp
from pathlib import Path
from typing import NamedTuple


class Weights(NamedTuple):
    """A checkpoint.

    Attributes:
        path: The file.
        note: One sentence where a reader would expect another file, or ''.
    """

    path: Path
    note: str = ''


def find_weights(folder: Path, tested: str | None = None, name: str | None = None) -> Weights:
    """Find the weights that were asked for, or those that were tested, or the last ones.

    The tested file counts under the very path that metrics.json names, which need not be in the work dir; a file of the
    same name in there is taken if that is gone, as after a work dir was moved.

    Args:
        folder: Work dir.
        tested: ``checkpoint`` of its metrics.json.
        name: A file that is wanted instead, in the work dir or elsewhere.

    Raises:
        FileNotFoundError: If there is none of them.
    """
    pointer = folder / 'last_checkpoint'
    last = pointer.read_text(encoding='utf-8', errors='replace').strip() if pointer.is_file() else None
    wanted = [name] if name else [path for path in (tested, last) if path]
    for number, path in enumerate(map(Path, wanted)):
        places = [folder / path.name, path]
        if tested and not name and number == 0 and not _is_of(folder, path):
            places.reverse()
        for place in places:
            if place.is_file():
                return Weights(place, _note(folder, Path(tested), place) if tested and not name else '')
    raise FileNotFoundError(f'no checkpoint {" or ".join(wanted)} in {folder}'.replace('  ', ' '))


def _is_of(folder: Path, path: Path) -> bool:
    """Whether a relative path, wherever it was relative to, leads into the folder."""
    own = (folder.resolve() / path.name).parts
    return not path.is_absolute() and own[-len(path.parts) :] == path.parts


def _note(folder: Path, tested: Path, place: Path) -> str:
    own = folder / tested.name
    if place == own and _is_of(folder, tested):
        return ''
    if place != tested:
        return f'{tested}, which was tested, is not there; samples and clip are of {place}'
    if own.is_file() and not own.samefile(tested) and not filecmp.cmp(own, tested, shallow=False):
        return f'samples and clip are of {tested}, which was tested, and not of the other {own.name} in the work dir'
    return ''
