"""Where the videos of a data set are, as its data sets here are told of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..video import VIDEOS
from .known_data import KnownData
from .prepared import PreparedSplit


def frames_of(data: KnownData, root: Path, out: Path, splits: Mapping[str, PreparedSplit]) -> dict[str, dict[str, Any]]:
    """Give the configs of data sets of the videos, of each split the first kind that is there.

    Args:
        data: The data set.
        root: The folder that its folders are in.
        out: Where frames of video files are to be unpacked.
        splits: Its labelled images, which may be the frames.

    Returns:
        By split, a config without class space and pipeline.
    """
    told: dict[str, dict[str, Any]] = {}
    for about in data.frames:
        for split in about['splits']:
            config = (
                _labelled(root, splits.get(split)) if about['kind'] == 'labelled' else _own(about, split, root, out)
            )
            if config and split not in told:
                told[split] = config
    return told


def _labelled(root: Path, split: PreparedSplit | None) -> dict[str, Any] | None:
    """Frames that are all labelled."""
    if split is None:
        return None
    folder = str(root / split.data_prefix['img_path'])
    return dict(type='FrameFolderDataset', data_root=folder, img_suffix=split.img_suffix, ann_file=split.ann_file)


def _own(about: Mapping[str, Any], split: str, root: Path, out: Path) -> dict[str, Any] | None:
    """Videos or frames in a folder of their own."""
    folder = root / about['folder'].format(split=split)
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    if about['kind'] == 'videos':
        if not any(path.suffix.lower() in VIDEOS for path in folder.iterdir()):
            return None
        return dict(type='VideoDataset', data_root=str(folder), cache=str(out / f'frames_{split}'))
    if about['kind'] == 'cityscapes':
        return dict(type='CityscapesSeqDataset', data_root=str(root), split=split, pairs='labelled')
    return dict(type='FrameFolderDataset', data_root=str(folder))
