"""Data sets that are known by name: where their files lie, how many there are, and what their raw ids mean.

Each is a file of ``known/``, no code: its title; ``labels``, the class of every raw id by the names of Cityscapes'
classes (or the word ``labelIds`` or ``trainIds`` for the ids of Cityscapes, or the name of a data set with the same
ids); ``ignored``, more raw ids; ``covers``, classes whose pixels other data sets divide further; ``layouts``, the ways
in which the files may lie; ``splits`` with the published counts; ``frames``, where its videos are; and ``colours``, one
a raw id, where labels are coloured pictures.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from i2vda_mmseg.errors import ConfigError

from ..class_spaces import CITYSCAPES_RAW_IDS, CITYSCAPES_TRAIN_IDS

KNOWN = Path(__file__).with_name('known')


@dataclass(frozen=True)
class Layout:
    """Folders and endings of a data set; folders are below its root and may hold ``{split}``.

    Attributes:
        images: Folder of the images.
        labels: Folder of the labels, which lie there as their images do in theirs.
        image_suffix: Ending of the images; None: that of most pictures there.
        label_suffix: Ending of the labels; None: that of most pictures there.
        encodings: How raw ids may be stored: 'index' or 'red16' as for ``LoadRawLabels``, or 'colours'.
        is_sparse: Whether there may be images without labels.
    """

    images: str
    labels: str
    image_suffix: str | None
    label_suffix: str | None
    encodings: tuple[str, ...]
    is_sparse: bool = False


@dataclass(frozen=True)
class Split:
    """A part of a data set.

    Attributes:
        count: Number of labelled images that its publication states; None where it states none.
        names: Patterns of the names that belong to it, as of ``fnmatch``; one after a ``!`` excludes.
    """

    count: int | None = None
    names: tuple[str, ...] = ('*',)

    def holds(self, name: str) -> bool:
        """Tell whether an image belongs to it.

        Example:
            >>> split = Split(names=('night/*', '!*_ref/*'))
            >>> [split.holds(name) for name in ('night/a', 'night/val_ref/a', 'fog/a')]
            [True, False, False]
        """
        wanted = [pattern for pattern in self.names if not pattern.startswith('!')]
        unwanted = [pattern[1:] for pattern in self.names if pattern.startswith('!')]
        return any(fnmatchcase(name, each) for each in wanted) and not any(fnmatchcase(name, each) for each in unwanted)


@dataclass(frozen=True)
class KnownData:
    """A data set that is known by name.

    Attributes:
        name: The name.
        title: What it is, and whose.
        labels: Class of each raw id, None where its pixels are ignored.
        layouts: How its files may lie.
        splits: Its parts.
        covers: Classes that other data sets divide: a ``vehicle`` may cover their cars and trucks.
        frames: Where its videos are: ``kind`` ('labelled', 'frames', 'videos' or 'cityscapes'), ``folder``, ``splits``.
        colours: RGB of the raw ids 0, 1, ... where labels are coloured; else empty.
    """

    name: str
    title: str
    labels: Mapping[int, str | None]
    layouts: tuple[Layout, ...]
    splits: Mapping[str, Split]
    covers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frames: tuple[Mapping[str, Any], ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()


def known_names() -> list[str]:
    """Names of all data sets that are known.

    Example:
        >>> 'gta5' in known_names(), 'kitti-step' in known_names()
        (True, True)
    """
    return sorted(path.stem for path in KNOWN.glob('*.yaml'))


def known_data(name: str) -> KnownData:
    """Look a data set up by its name.

    Raises:
        ConfigError: If there is none of that name.

    Example:
        >>> data = known_data('gta5')
        >>> data.splits['train'].count, data.labels[26], data.labels[9], data.layouts[0].encodings
        (24966, 'car', None, ('index',))
    """
    if name not in known_names():
        raise ConfigError(f'there is no data set {name!r}; known are {", ".join(known_names())}')
    written = yaml.safe_load((KNOWN / f'{name}.yaml').read_text(encoding='utf-8'))
    labels, covers = _labels(written['labels'])
    return KnownData(
        name=name,
        title=written['title'],
        labels=labels | dict.fromkeys(written.get('ignored', ())),
        layouts=tuple(Layout(**each | dict(encodings=tuple(each['encodings']))) for each in written['layouts']),
        splits={
            split: Split(about.get('count'), tuple(about.get('names', ('*',))))
            for split, about in written['splits'].items()
        },
        covers={name: tuple(finer) for name, finer in written.get('covers', covers).items()},
        frames=tuple(written.get('frames', ())),
        colours=tuple((red, green, blue) for red, green, blue in written.get('colours', ())),
    )


def _labels(written: Any) -> tuple[dict[int, str | None], Mapping[str, tuple[str, ...]]]:
    """The table of raw ids, and what its classes cover."""
    if written == 'trainIds':
        return {number: name for name, number in CITYSCAPES_TRAIN_IDS.items()}, {}
    if written == 'labelIds':
        return {raw: name if name in CITYSCAPES_TRAIN_IDS else None for name, raw in CITYSCAPES_RAW_IDS.items()}, {}
    if isinstance(written, str):
        other = known_data(written)
        return dict(other.labels), other.covers
    return dict(written), {}


def find_layout(data: KnownData, root: Path, given: Mapping[str, str]) -> tuple[Layout, Path]:
    """Find the way in which the files of a data set lie.

    Args:
        data: The data set.
        root: Where it was unpacked: its files are below, or one folder deeper.
        given: Folders that take the place of the ``images`` or the ``labels`` of its layouts.

    Returns:
        The layout, and the folder that its folders are in.

    Raises:
        FileNotFoundError: If there is no such folder, or nothing known in it.
    """
    if not root.is_dir():
        raise FileNotFoundError(f'no such folder: {root}')
    root = root.resolve()
    layouts = [
        dataclasses.replace(each, images=given.get('images', each.images), labels=given.get('labels', each.labels))
        for each in data.layouts
    ]
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith('.'))]
    ways: list[tuple[Layout, tuple[str, ...], tuple[str, ...]]] = []
    ways += [(each, (each.images, each.labels), tuple(data.splits)) for each in layouts]
    # Videos without labels are of use as well, as a target.
    ways += [(layouts[0], (each['folder'],), tuple(each['splits'])) for each in data.frames if 'folder' in each]
    for layout, needed, splits in ways:
        for folder in folders:
            if any(all((folder / each.format(split=split)).is_dir() for each in needed) for split in splits):
                return layout, folder
    expected = ', or '.join(' and '.join(needed) for _, needed, _ in ways)
    where = f' ({{split}}: {", ".join(data.splits)})' if '{split}' in expected else ''
    raise FileNotFoundError(
        f'{root} is not laid out as {data.title}: expected the folders {expected}{where}; --images and --labels name '
        'others'
    )
