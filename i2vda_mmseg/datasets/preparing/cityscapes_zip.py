"""The frames that training needs of Cityscapes' sequences, out of the archive of 324 GB without unpacking it."""

import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from i2vda_mmseg.fileio.atomic import atomic_file
from i2vda_mmseg.fileio.frames import FrameIndex, shifted
from i2vda_mmseg.fileio.listing import list_files

from .known_data import known_data

_FRAMES, _LABELS = 'leftImg8bit_sequence', 'gtFine'
_ENDINGS = {_FRAMES: '_leftImg8bit.png', _LABELS: '_gtFine_labelIds.png'}
_MEMBER = re.compile(
    r'(?:.*/)?(?P<kind>leftImg8bit_sequence|gtFine)/(?P<split>[^/]+)/(?P<name>[^/]+/[^/]+)'
    r'(?:_leftImg8bit|_gtFine_labelIds)\.png'
)
_GB = 1e9


class Extracted(NamedTuple):
    """What was done.

    Attributes:
        labelled: Number of labelled frames by split.
        frames: Number of frames that are there now.
        written: Number of files that were written; the others had been there.
        gigabytes: Size of the files written.
        findings: What lacks, in sentences.
    """

    labelled: dict[str, int]
    frames: int
    written: int
    gigabytes: float
    findings: list[str]


class _Member(NamedTuple):
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo


Members = dict[tuple[str, str, str], _Member]  # by kind, split and name


def extract_neighbours(
    archives: Sequence[str | Path],
    out: str | Path,
    before: int = 1,
    after: int = 0,
    splits: Sequence[str] = ('train', 'val'),
    track: Callable[[Collection[Any]], Iterable[Any]] = iter,
) -> Extracted:
    """Write the labelled frames and their neighbours, and the labels, in the layout of ``CityscapesSeqDataset``.

    Which frames are labelled is told by the label ids in the archives, or in ``out``; where there are none, it is the
    20th of every 30 that follow each other. Files that are there with the size that the archive states are kept, so
    that an interrupted run goes on; the archive's checksums are compared.

    Args:
        archives: ``leftImg8bit_sequence_trainvaltest.zip``, and ``gtFine_trainvaltest.zip`` for the labels.
        out: The data root to be.
        before: Frames before each labelled one, 0 to 19.
        after: Frames after each labelled one, 0 to 10.
        splits: Which parts.
        track: Wrapped around the files to write; for a progress bar.

    Raises:
        FileNotFoundError: If there is no such archive, or no frame of Cityscapes in any.
        ValueError: If one is damaged, the numbers are out of range, or the disk has no room.
    """
    if not (0 <= before <= 19 and 0 <= after <= 10):
        raise ValueError(f'a snippet has 19 frames before the labelled one and 10 after, got {before} and {after}')
    with ExitStack() as stack:
        members = _members([stack.enter_context(_opened(path)) for path in archives], splits)
        if not any(kind == _FRAMES for kind, _, _ in members):
            raise FileNotFoundError(
                f'no frame of {", ".join(splits)} in {", ".join(map(str, archives))}: expected names like '
                'leftImg8bit_sequence/train/aachen/aachen_000000_000019_leftImg8bit.png'
            )
        labelled = {split: _labelled(members, Path(out), split) for split in splits}
        wanted, findings = _wanted(members, labelled, range(-before, after + 1))
        missing = [(path, member) for path, member in _files(members, wanted, Path(out)) if not _is_there(path, member)]
        gigabytes = _require_room(missing, Path(out))
        for path, member in track(missing):
            _extract(member, path)
    counts = {split: len(names) for split, names in labelled.items()}
    return Extracted(counts, len(wanted), len(missing), gigabytes, findings)


def _opened(path: str | Path) -> zipfile.ZipFile:
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no archive at {path}')
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f'{path} is no whole zip archive ({error}); is the download complete?') from error


def _members(archives: Iterable[zipfile.ZipFile], splits: Collection[str]) -> Members:
    found: Members = {}
    for archive in archives:
        for info in archive.infolist():
            place = _MEMBER.fullmatch(info.filename)
            if place and place['split'] in splits:
                found[place['kind'], place['split'], place['name']] = _Member(archive, info)
    return found


def _labelled(members: Members, out: Path, split: str) -> list[str]:
    """Names of the labelled frames of a split."""
    names = [name for kind, each, name in members if (kind, each) == (_LABELS, split)]
    folder = out / _LABELS / split
    if not names and folder.is_dir():
        names = list(list_files(str(folder), _ENDINGS[_LABELS]))
    if not names:
        names = FrameIndex(name for kind, each, name in members if each == split).middle_frames()
    return sorted(names)


def _wanted(
    members: Members, labelled: dict[str, list[str]], offsets: Collection[int]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Split and name of each frame to write, in the order of the archive, and what lacks."""
    wanted: set[tuple[str, str]] = set()
    lost, findings = [], []
    for split, names in labelled.items():
        expected = known_data('cityscapes').splits.get(split)
        if expected and expected.count != len(names):
            findings.append(f'{split}: {len(names):,} labelled frames, but the data set has {expected.count:,}')
        for name in names:
            frames = [shifted(name, offset) for offset in offsets]
            lost += [frame or f'one before {name}' for frame in frames if (_FRAMES, split, frame) not in members]
            wanted.update((split, frame) for frame in frames if (_FRAMES, split, frame) in members)
    if lost:
        more = f' and {len(lost) - 1:,} more' if len(lost) > 1 else ''
        findings.append(f'the archive lacks frames beside labelled ones: {lost[0]}{more}')
    return [(split, name) for kind, split, name in members if kind == _FRAMES and (split, name) in wanted], findings


def _files(members: Members, wanted: Iterable[tuple[str, str]], out: Path) -> Iterator[tuple[Path, _Member]]:
    """Where each file goes: the frames that are wanted, and all labels."""
    labels = [(kind, split, name) for kind, split, name in members if kind == _LABELS]
    for kind, split, name in [*((_FRAMES, *each) for each in wanted), *labels]:
        yield out / kind / split / f'{name}{_ENDINGS[kind]}', members[kind, split, name]


def _is_there(path: Path, member: _Member) -> bool:
    return path.is_file() and path.stat().st_size == member.info.file_size


def _require_room(missing: Iterable[tuple[Path, _Member]], out: Path) -> float:
    """Gigabytes to write, if the disk has room for them."""
    needed = sum(member.info.file_size for _, member in missing)
    out.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out).free
    if needed > free:
        raise ValueError(f'{out} needs {needed / _GB:.1f} GB, and the disk has {free / _GB:.1f} GB free')
    return needed / _GB


def _extract(member: _Member, path: Path) -> None:
    try:
        with member.archive.open(member.info) as packed, atomic_file(path) as draft, draft.open('wb') as unpacked:
            shutil.copyfileobj(packed, unpacked)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f'{member.info.filename} is damaged in {member.archive.filename} ({error}); fetch the archive again'
        ) from error
