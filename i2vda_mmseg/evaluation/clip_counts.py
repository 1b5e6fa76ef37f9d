"""What was counted on each clip of a test, from which its figures and their intervals follow."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.frames import FrameIndex

from .pair_consistency import ConsistencyCounts

CLIPS_FILE = 'clips.json'
_OPTIONAL = ('changed', 'valid')


class ClipCounts(NamedTuple):
    """Pixels of each clip, the clips in the order of their names."""

    clips: tuple[str, ...]  # names
    classes: tuple[str, ...]  # those that the mean is over
    intersection: np.ndarray  # (clips, C), int64
    union: np.ndarray  # (clips, C), int64
    changed: np.ndarray | None = None  # (clips,), int64: valid pixels whose class changes, of temporal consistency
    valid: np.ndarray | None = None  # (clips,), int64: valid pixels
    absent: float | None = None  # IoU of a class that is nowhere, in 0..1; None leaves it out of the mean

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        classes: Sequence[str],
        columns: Mapping[str, np.ndarray],
        absent: float | None = None,
    ) -> Self:
        """Add up what was counted on parts of clips.

        Args:
            names: Clip of each part.
            classes: Names of the C classes.
            columns: ``intersection`` and ``union``, (parts, C), and maybe ``changed`` and ``valid``, (parts,).
            absent: See the attribute.
        """
        clips, of_part = np.unique(np.asarray(names, dtype=str), return_inverse=True)
        sums = {}
        for name, values in columns.items():
            sums[name] = np.zeros((len(clips), *values.shape[1:]), np.int64)
            np.add.at(sums[name], of_part, values)
        return cls(tuple(clips.tolist()), tuple(classes), absent=absent, **sums)

    def class_iou(self, weights: np.ndarray) -> np.ndarray:
        """Give the IoU of each class in 0..1, (n, C), with each clip counted as often as (n, clips) says."""
        times = weights.astype(np.float64)  # exact, and much faster than products of whole numbers
        union = times @ self.union
        with np.errstate(invalid='ignore', divide='ignore'):
            ious = (times @ self.intersection) / union
        return np.where(union > 0, ious, np.nan if self.absent is None else self.absent)

    def figure(self) -> float:
        """Mean IoU over the classes in 0..1, as it was tested; NaN where no class occurs."""
        ious = self.class_iou(np.ones((1, len(self.clips)), np.int64))[0]
        known = ious[~np.isnan(ious)]
        return float(known.mean()) if len(known) else float('nan')

    def pairs_with(self, other: 'ClipCounts') -> bool:
        """Whether the other counts are of the same clips and classes."""
        return (self.clips, self.classes, self.absent) == (other.clips, other.classes, other.absent)


def consistency_by_clip(
    names: Sequence[str],
    counts: Sequence[ConsistencyCounts],
    classes: Sequence[str],
    reported: Sequence[str],
    absent: float | None,
) -> ClipCounts:
    """Put the temporal consistency of clips together.

    Args:
        names: Of the clips.
        counts: Of each clip, over all ``classes``.
        classes: Names of the classes.
        reported: Those of them that the mean is over.
        absent: See ``ClipCounts``.
    """
    kept = [list(classes).index(name) for name in reported]
    columns = dict(
        intersection=np.stack([each.intersection.numpy()[kept] for each in counts]),
        union=np.stack([each.union.numpy()[kept] for each in counts]),
        changed=np.array([each.changed for each in counts]),
        valid=np.array([each.valid for each in counts]),
    )
    return ClipCounts.of(names, reported, columns, absent)


def clips_of_images(paths: Sequence[str]) -> list[str]:
    """Name the clip of each labelled image by its first one: images that follow each other are of one clip.

    The names begin with the first folder that is not above all images, or with the one folder that all are in. Where
    two images of a folder have the same number, each image is a clip of its own.

    Example:
        >>> clips_of_images(['d/ulm/ulm_000001_000019.png', 'd/bonn/a_7.png', 'd/bonn/a_8.png'])
        ['ulm/ulm_000001_000019', 'bonn/a_7', 'bonn/a_7']
    """
    folders = {os.path.dirname(path) for path in paths}
    root = os.path.commonpath(folders) if len(folders) > 1 else os.path.dirname(next(iter(folders), ''))
    stems = [os.path.splitext(os.path.relpath(path, root or '.'))[0] for path in paths]
    names = [stem.removesuffix('_leftImg8bit') for stem in stems]
    try:
        clips = FrameIndex(names).clips
    except ValueError:
        return names
    first = {name: clip[0] for clip in clips for name in clip}
    return [first[name] for name in names]


def write_clip_counts(path: str | Path, found: Mapping[str, ClipCounts]) -> Path:
    """Write counts by the name of the figure that they belong to, ``mIoU`` or ``TC``, as JSON."""
    write_atomically(json.dumps({name: _plain(counts) for name, counts in found.items()}) + '\n', path)
    return Path(path)


def read_clip_counts(path: str | Path) -> dict[str, ClipCounts]:
    """Read what ``write_clip_counts`` has written.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no such file.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        return {name: _counts(part) for name, part in content.items()}
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f'{path} does not hold the counts of clips that tools/test.py writes') from error


def _plain(counts: ClipCounts) -> dict[str, Any]:
    fields = counts._asdict().items()
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in fields}


def _counts(part: Mapping[str, Any]) -> ClipCounts:
    clips, classes = tuple(map(str, part['clips'])), tuple(map(str, part['classes']))
    areas = {name: np.asarray(part[name], dtype=np.int64) for name in ('intersection', 'union')}
    pixels = {name: np.asarray(part[name], dtype=np.int64) for name in _OPTIONAL if part[name] is not None}
    absent = None if part['absent'] is None else float(part['absent'])
    shapes = {each.shape for each in areas.values()} | {(*each.shape, len(classes)) for each in pixels.values()}
    if shapes != {(len(clips), len(classes))}:
        raise ValueError(f'{len(clips)} clips and {len(classes)} classes are named, but counts are {sorted(shapes)}')
    return ClipCounts(clips, classes, **areas, **pixels, absent=absent)
