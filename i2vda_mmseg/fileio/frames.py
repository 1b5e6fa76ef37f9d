"""A frame's number, its clip and its step: the one notion that all readers of frames share.

The **number** of a frame is the last run of digits in its file name (a time stamp in seconds, ``1532402927.61``, is
one run), its **clip** is the folder with the rest of the name. A clip's **step** is the median difference of its
consecutive numbers, and a difference of more than 1.5 steps is a **gap**. Frames follow each other within a **run**,
the part of a clip between two gaps.

In Cityscapes, frames come in **snippets** of 30, of which the 20th is labelled: number Y belongs to [Y - 19, Y + 10].
In some cities numbers count through whole recordings, so that one snippet can follow the other without a gap. Labels
tell where a snippet ends, if they lie as they do there; where they lie closer or elsewhere, the run is one clip.
"""

import re
import statistics
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from typing import NamedTuple

SNIPPET_LENGTH = 30
LABELLED_POSITION = 19
FRAME_COLOURS = ('RGB', 'RGBA', 'grey', 'palette')  # of the picture of a frame, see ``read_image``

Window = tuple[str, ...]

_GAP = 1.5  # steps
_ENDING = re.compile(r'_(left|right)Img8bit$')  # digits that number nothing
_NUMBER = re.compile(r'(.*?)([0-9]{9,}\.[0-9]+|[0-9]+)([^0-9/]*)', re.DOTALL)
_CITYSCAPES = re.compile(r'.*_[0-9]{6}_[0-9]{6}', re.DOTALL)  # <city>_<sequence>_<frame>


def place_of(name: str) -> tuple[str, int] | None:
    """Read the clip and the number off a name without its file ending; None if it has no digits.

    Returns:
        Folder and name with ``#`` in place of the number; and the number, of a time stamp in seconds nanoseconds.

    Example:
        >>> place_of('b1c66a42-6f7d68ca-0000001'), place_of('0006R0/f00930_left'), place_of('take2/garden')
        (('b1c66a42-6f7d68ca-#', 1), ('0006R0/f#_left', 930), None)
    """
    parts = _split(name)
    if parts is None:
        return None
    before, digits, after = parts
    return f'{before}#{after}', int(Decimal(digits).scaleb(9)) if '.' in digits else int(digits)


def shifted(name: str, offset: int) -> str:
    """Name of the frame ``offset`` numbers later, zero padding kept ('' before frame 0).

    Raises:
        ValueError: If the name has no whole number.

    Example:
        >>> shifted('ulm/ulm_000000_000019', -1), shifted('drive_9', 1), shifted('f0_left', -1)
        ('ulm/ulm_000000_000018', 'drive_10', '')
    """
    before, digits, after = _split(name) or ('', '.', '')
    if '.' in digits:
        raise ValueError(f'{name} has no frame number, so that there is no telling which frame is before or after it')
    number = int(digits) + offset
    return f'{before}{number:0{len(digits)}d}{after}' if number >= 0 else ''


def natural_key(text: str) -> list[str | int]:
    """Key of an order in which 2 comes before 10: text and number in turn."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r'([0-9]+)', text))]


class _Recording(NamedTuple):
    """All frames of a clip in their order, and the numbers of the labelled ones."""

    names: list[str]
    numbers: list[int]
    labels: list[int]

    @property
    def is_cityscapes(self) -> bool:
        """Whether frames are named as in Cityscapes, and labels are no closer than snippets allow."""
        is_sparse = all(b - a >= SNIPPET_LENGTH for a, b in pairwise(self.labels))
        return is_sparse and bool(_CITYSCAPES.fullmatch(self.names[0]))

    @property
    def step(self) -> int:
        """Median difference of consecutive numbers; 1 where there is none."""
        differences = [b - a for a, b in pairwise(self.numbers)]
        step = statistics.median_low(differences) if differences else 1
        # Of Cityscapes, labelled frames alone may be there, hundreds of frames apart.
        is_count = _CITYSCAPES.fullmatch(self.names[0]) and (len(differences) == 1 or step >= SNIPPET_LENGTH)
        return 1 if is_count else step

    def gaps(self) -> list[int]:
        """Positions of the frames before which there is a gap."""
        most = _GAP * self.step
        return [i for i, (a, b) in enumerate(pairwise(self.numbers), start=1) if b - a > most]

    def runs(self) -> list['_Recording']:
        """Cut at the gaps."""
        return [self._part(a, b) for a, b in pairwise([0, *self.gaps(), len(self.names)])]

    def snippets(self) -> list[list[str]]:
        """Cut a run where its labels show that a snippet ends; else all of it."""
        if not self.labels or not self._labels_mark_snippets():
            return [self.names]
        start = (self.labels[0] - LABELLED_POSITION) % SNIPPET_LENGTH
        numbers = dict(zip(self.names, self.numbers))
        return [list(group) for _, group in groupby(self.names, lambda name: (numbers[name] - start) // SNIPPET_LENGTH)]

    def _labels_mark_snippets(self) -> bool:
        first, last, begin = self.numbers[0], self.numbers[-1], self.labels[0] - LABELLED_POSITION
        if len(self.labels) == 1 and last - first < SNIPPET_LENGTH:
            return False
        is_aligned = all((label - self.labels[0]) % SNIPPET_LENGTH == 0 for label in self.labels)
        # A snippet of Cityscapes may lack its first frames; any other clip has to begin where a snippet would.
        begins = (first - begin) % SNIPPET_LENGTH == 0 or (self.is_cityscapes and first > begin)
        return is_aligned and begins and self.step < SNIPPET_LENGTH

    def _part(self, start: int, stop: int) -> '_Recording':
        first, last = self.numbers[start], self.numbers[stop - 1]
        labels = [label for label in self.labels if first <= label <= last]
        return _Recording(self.names[start:stop], self.numbers[start:stop], labels)


class FrameIndex:
    """Which of a set of frames follow each other.

    Args:
        names: Of the frames, without endings, with ``/`` between folders. One without a number is a clip of its own;
            where none has one, all are one clip in the order of their names.
        labelled: Names of the labelled ones, as far as they are known.

    Attributes:
        clips: Lists of names in order: the runs, cut where labels show that snippets end. A frame is in one of them.

    Raises:
        ValueError: If two frames of a clip have the same number.

    Example:
        >>> FrameIndex(['drive_9', 'drive_10', 'drive_11', 'drive_20']).clips
        [['drive_9', 'drive_10', 'drive_11'], ['drive_20']]
    """

    def __init__(self, names: Iterable[str], labelled: Collection[str] = ()) -> None:
        self._recordings = _recordings(names, frozenset(labelled))
        self._of_frame: dict[str, _Recording] = {}
        self.clips: list[list[str]] = []
        for recording in self._recordings:
            self._of_frame.update(dict.fromkeys(recording.names, recording))
            self.clips += [clip for run in recording.runs() for clip in run.snippets()]
        self._position = {name: (clip, i) for clip in self.clips for i, name in enumerate(clip)}

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._position)

    def clips_of(self, names: Iterable[str]) -> list[list[str]]:
        """The clips that hold the named frames, each once, in the order of ``names``."""
        found = (self._position[name][0] for name in names if name in self._position)
        return list({clip[0]: clip for clip in found}.values())

    def window(self, name: str, length: int = 2, stride: int = 1) -> Window | None:
        """A frame with the ``length - 1`` before it, ``stride`` frames apart; None where its clip begins too late."""
        clip, last = self._position[name]
        first = last - (length - 1) * stride
        return tuple(clip[first : last + 1 : stride]) if first >= 0 else None

    def before(self, name: str, stride: int = 1, length: int = 2) -> list[str]:
        """Names that the frames of a window have or would have, the latest first; '' before frame 0."""
        return [shifted(name, -n * stride * self._of_frame[name].step) for n in range(1, length)]

    def is_cityscapes(self, name: str) -> bool:
        """Whether a frame's clip is one of Cityscapes by its names and labels: whatever lacks there is lost."""
        return self._of_frame[name].is_cityscapes

    def lost(self) -> list[str]:
        """Names of frames that are missing within a snippet around a labelled frame of Cityscapes."""
        return [name for recording in self._recordings if recording.is_cityscapes for name in _lost(recording)]

    def middle_frames(self) -> list[str]:
        """The frame of each 30 of a run that Cityscapes would label: the 20th, or the last one of fewer.

        A frame that stands alone has none before it, and is left out.
        """
        pieces = [clip[i : i + SNIPPET_LENGTH] for clip in self.clips for i in range(0, len(clip), SNIPPET_LENGTH)]
        return [piece[: LABELLED_POSITION + 1][-1] for piece in pieces if len(piece) > 1]

    def warning(self) -> str:
        """Say so where most frames stand alone; else ''."""
        alone = self.alone()
        if len(alone) * 2 <= len(self):
            return ''
        return f'{len(alone)} of {len(self)} frames stand alone, such as {alone[0]}: none before or after them'

    def alone(self) -> list[str]:
        """Frames that follow none and are followed by none."""
        return [clip[0] for clip in self.clips if len(clip) == 1]


def windows_of(clip: Sequence[str], length: int = 2, stride: int = 1) -> list[Window]:
    """All frames of a clip with the ``length - 1`` before each, ``stride`` frames apart.

    Example:
        >>> windows_of(['f1', 'f2', 'f3'], stride=2)
        [('f1', 'f3')]
    """
    span = (length - 1) * stride
    return [tuple(clip[i : i + span + 1 : stride]) for i in range(len(clip) - span)]


def _split(name: str) -> tuple[str, str, str] | None:
    """Give what is before the number, its digits, and what is after them."""
    ending = _ENDING.search(name)
    match = _NUMBER.fullmatch(name[: ending.start()] if ending else name)
    return (match[1], match[2], match[3] + (ending[0] if ending else '')) if match else None


def _recordings(names: Iterable[str], labelled: frozenset[str]) -> list[_Recording]:
    places = {name: place_of(name) for name in names}
    if not any(places.values()):
        ordered = sorted(places, key=natural_key)
        return [_Recording(ordered, list(range(len(ordered))), [])] if ordered else []
    clips: dict[str, dict[int, str]] = {}
    for name, place in places.items():
        clip, number = place or (name, 0)
        other = clips.setdefault(clip, {}).setdefault(number, name)
        if other != name:
            raise ValueError(f'{other} and {name} have the same number; two frames of a clip must not, rename one')
    found = []
    for clip in sorted(clips, key=lambda clip: (natural_key(clip), clip)):
        frames = dict(sorted(clips[clip].items()))
        labels = [number for number, name in frames.items() if name in labelled]
        found.append(_Recording(list(frames.values()), list(frames), labels))
    return found


def _lost(recording: _Recording) -> list[str]:
    missing = []
    for i in recording.gaps():
        last, first = recording.numbers[i - 1], recording.numbers[i]
        windows = ((y - LABELLED_POSITION, y - LABELLED_POSITION + SNIPPET_LENGTH) for y in recording.labels)
        if any(start <= last and first < stop for start, stop in windows):
            step = recording.step
            missing += [shifted(recording.names[i - 1], n) for n in range(step, first - last, step)]
    return missing
