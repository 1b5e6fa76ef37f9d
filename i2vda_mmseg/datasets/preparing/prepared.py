"""What was found of a data set, as its data sets here are told of it; kept as YAML."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from i2vda_mmseg.fileio.atomic import write_atomically

PREPARED = 'prepared.yaml'


@dataclasses.dataclass(frozen=True)
class PreparedSplit:
    """Labelled images, as ``LabelledFolderDataset`` is told of them.

    Attributes:
        data_root: Folder of all.
        data_prefix: Folders ``img_path`` and ``seg_map_path``.
        img_suffix: Ending of the images.
        seg_map_suffix: Ending of the labels.
        label_encoding: 'index' or 'red16'.
        ann_file: List of their names.
        images: Number of them.
        size: Width and height of most of them, in pixels.
    """

    data_root: str
    data_prefix: Mapping[str, str]
    img_suffix: str
    seg_map_suffix: str
    label_encoding: str
    ann_file: str
    images: int
    size: tuple[int, int]

    @property
    def config(self) -> dict[str, Any]:
        """Config of the data set, without class space and pipeline."""
        told = dataclasses.asdict(self)
        del told['images'], told['size']
        return dict(type='LabelledFolderDataset', **told)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What was found of a data set.

    Attributes:
        name: Its name.
        title: What it is.
        labels: Class of each raw id, or None.
        covers: Classes that other data sets may divide.
        splits: Its labelled images.
        frames: By split, the config of a data set of its videos, without class space and pipeline.
    """

    name: str
    title: str
    labels: Mapping[int, str | None]
    covers: Mapping[str, tuple[str, ...]]
    splits: Mapping[str, PreparedSplit]
    frames: Mapping[str, Mapping[str, Any]]

    def write(self, folder: Path) -> Path:
        """Leave it as YAML in a folder, for ``read_prepared``; returns the file."""
        written = dataclasses.asdict(self)
        written['covers'] = {name: list(finer) for name, finer in self.covers.items()}
        for split in written['splits'].values():
            split['size'] = list(split['size'])
        write_atomically(yaml.safe_dump(written, sort_keys=False, allow_unicode=True), folder / PREPARED)
        return folder / PREPARED


def read_prepared(folder: str | Path) -> Prepared:
    """Read what was written into a folder when a data set was prepared.

    Raises:
        FileNotFoundError: If none was.
    """
    path = Path(folder) / PREPARED
    if not path.is_file():
        raise FileNotFoundError(f'no data set was prepared in {folder}: no {PREPARED} is there')
    written = yaml.safe_load(path.read_text(encoding='utf-8'))
    splits = {
        name: PreparedSplit(**split | dict(size=tuple(split['size']))) for name, split in written.pop('splits').items()
    }
    return Prepared(splits=splits, **written)
