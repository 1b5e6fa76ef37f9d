"""Frame numbers of Cityscapes: clips, snippets, and which two frames make a pair.

A frame is named ``<city>/<city>_<sequence>_<frame>``, both numbers with 6 digits. In some cities frame numbers start
at 0 in each snippet, in others they count through the whole recording, so that snippets can follow each other without a
gap. What tells them apart is the labelled frame, the 20th of its 30: number Y belongs to the snippet [Y - 19, Y + 10].
"""

from collections.abc import Collection, Iterable
from itertools import pairwise

SNIPPET_LENGTH = 30
LABELLED_POSITION = 19

Pair = tuple[str, str]
Window = tuple[str, ...]


def is_frame_name(name: str) -> bool:
    """Whether a name ends in an underscore and a number."""
    _, _, number = name.rpartition('_')
    return '_' in name and number.isascii() and number.isdecimal()


def shifted(name: str, offset: int) -> str:
    """Name of the frame ``offset`` frames later, zero padding kept ('' before frame 0).

    Example:
        >>> shifted('ulm/ulm_000000_000019', -1)
        'ulm/ulm_000000_000018'
    """
    clip, _, number = name.rpartition('_')
    shifted_number = int(number) + offset
    return f'{clip}_{shifted_number:0{len(number)}d}' if shifted_number >= 0 else ''


def snippet_around(labelled: str) -> list[str]:
    """Names of the snippet of a labelled frame, whether they exist or not."""
    offsets = range(-LABELLED_POSITION, SNIPPET_LENGTH - LABELLED_POSITION)
    return [name for offset in offsets if (name := shifted(labelled, offset))]


def snippets(frames: Collection[str]) -> list[list[str]]:
    """Snippets of a set of frames without labels: runs of consecutive numbers, cut after every 30 frames."""
    return [run[i : i + SNIPPET_LENGTH] for run in _runs(frames) for i in range(0, len(run), SNIPPET_LENGTH)]


def middle_frames(frames: Collection[str]) -> list[str]:
    """The frame of each snippet that Cityscapes would label: the 20th, or the last one of a shorter snippet.

    Snippets of a single frame have none: it has no previous frame.
    """
    return [snippet[: LABELLED_POSITION + 1][-1] for snippet in snippets(frames) if len(snippet) > 1]


def single_frames(frames: Collection[str]) -> set[str]:
    """Frames that have neither the frame before nor the one after them."""
    return {run[0] for run in _runs(frames) if len(run) == 1}


def windows_ending_at(currents: Iterable[str], length: int = 2) -> list[Window]:
    """Give each frame with the ``length - 1`` before it, in order, whether those exist or not."""
    windows = [[name] for name in currents]
    for window in windows:
        while len(window) < length:
            window.insert(0, _previous(window[0]))
    return [tuple(window) for window in windows]


def windows_of(pairs: Collection[Pair], length: int) -> list[Window]:
    """Chain consecutive pairs to windows of ``length`` frames; those that are cut short by a clip's start are left out.

    Example:
        >>> windows_of([('ulm_0', 'ulm_1'), ('ulm_1', 'ulm_2')], 3)
        [('ulm_0', 'ulm_1', 'ulm_2')]
    """
    before = {current: previous for previous, current in pairs}
    found = []
    for _, current in pairs:
        window = [current]
        while len(window) < length and window[0] in before:
            window.insert(0, before[window[0]])
        if len(window) == length:
            found.append(tuple(window))
    return found


def pairs_around(labelled: Iterable[str], frames: set[str]) -> list[Pair]:
    """Existing consecutive pairs of the snippets of the labelled frames, each pair once."""
    candidates = (pair for name in labelled for pair in pairwise(snippet_around(name)))
    return list(dict.fromkeys(pair for pair in candidates if frames.issuperset(pair)))


def gaps(labelled: Iterable[str], frames: set[str]) -> list[str]:
    """Frames that are missing between two existing frames of one snippet."""
    missing = []
    for name in frames.intersection(labelled):
        snippet = snippet_around(name)
        present = [index for index, frame in enumerate(snippet) if frame in frames]
        missing += [frame for frame in snippet[present[0] : present[-1]] if frame not in frames]
    return missing


def pairs_within(frames: set[str], labelled: Iterable[str]) -> list[Pair]:
    """All consecutive pairs of existing frames that do not cross the border of a snippet.

    Args:
        frames: Names of the existing frames.
        labelled: Names of labelled frames, which tell where snippets begin and end; empty: see ``snippets``.
    """
    labels = set(labelled)
    first = _first_frames(labels, frames) if labels else {snippet[0] for snippet in snippets(frames)}
    candidates = ((shifted(name, -1), name) for name in sorted(frames) if name not in first)
    return [pair for pair in candidates if pair[0] in frames]


def _first_frames(labelled: set[str], frames: set[str]) -> set[str]:
    """Frames at which a snippet begins: around each labelled frame, where a run holds more than one snippet."""
    first = set()
    for run in _runs(frames):
        inside = [name for name in run if name in labelled]
        first.add(run[0])
        if len(inside) > 1 or len(run) > SNIPPET_LENGTH:
            offsets = (-LABELLED_POSITION, SNIPPET_LENGTH - LABELLED_POSITION)
            first.update(shifted(name, offset) for name in inside for offset in offsets)
    return first


def _runs(frames: Collection[str]) -> list[list[str]]:
    """Runs of consecutive numbers."""
    present = set(frames)
    found: list[list[str]] = []
    for name in sorted(present):
        if shifted(name, -1) not in present:
            found.append([])
        found[-1].append(name)
    return found


def _previous(name: str) -> str:
    previous = shifted(name, -1)
    if not previous:
        raise FileNotFoundError(f'{name} is the first frame of its clip: no frame before it can exist to pair it with.')
    return previous
