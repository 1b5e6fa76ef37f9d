"""From folders and a video to one config: what can be seen in the files is not asked."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from i2vda_mmseg.datasets import ClassSpace, class_space_of
from i2vda_mmseg.datasets.class_space import FILES
from i2vda_mmseg.datasets.labelled_folder import common_suffix
from i2vda_mmseg.datasets.video import VIDEOS
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.frame_source import FrameSource, spread
from i2vda_mmseg.fileio.images import read_image, read_index_label
from i2vda_mmseg.fileio.listing import list_files
from i2vda_mmseg.flow import DISFlow
from i2vda_mmseg.ops import IGNORE_INDEX

_LABELS, _PAIRS = 200, 8  # how many are looked at
_STILL = 0.05


class Seen(NamedTuple):
    """What the files show.

    Attributes:
        root: Folder that holds the images and the labels.
        prefix: Folders of both below it.
        suffixes: Endings of both.
        images: Number of labelled images.
        source_size: (W, H) of the images.
        shares: Share of the pixels by raw id, of ``_LABELS`` label images at most.
        frames: Number of frames of the target.
        target_size: (W, H) of the frames.
        fps: Frames a second; 0 where nothing says.
        motion: Median motion from one frame to the next, in pixels of the frames.
    """

    root: Path
    prefix: dict[str, str]
    suffixes: dict[str, str]
    images: int
    source_size: tuple[int, int]
    shares: dict[int, float]
    frames: int
    target_size: tuple[int, int]
    fps: float
    motion: float


def look(images: str, labels: str, video: str) -> Seen:
    """Look at the files of a domain pair.

    Args:
        images: Folder of the source's images.
        labels: Folder of their labels, laid out alike: one channel of 8 bits.
        video: The target: a video, a folder of videos, or a folder of frames.

    Raises:
        FileNotFoundError: If something is not there, or a folder is empty.
        ValueError: If images have no labels, nothing moves, or there is a single frame.
    """
    folders = {'img_path': Path(images).resolve(), 'seg_map_path': Path(labels).resolve()}
    suffixes = {key: common_suffix(folder) for key, folder in folders.items()}
    found = {key: set(list_files(str(folders[key]), suffixes[key])) for key in folders}
    both = sorted(found['img_path'] & found['seg_map_path'])
    if not both:
        image, label = (min(found[key]) + suffixes[key] for key in ('img_path', 'seg_map_path'))
        raise ValueError(
            f'no label has the name of an image: images are like {image}, labels like {label}; a label must be named '
            'as its image but for the ending (.png)'
        )
    root = Path(os.path.commonpath(folders.values()))
    picture = read_image(str(folders['img_path'] / f'{both[0]}{suffixes["img_path"]}'), colours=('RGB', 'RGBA', 'grey'))
    names = [str(folders['seg_map_path'] / f'{name}{suffixes["seg_map_path"]}') for name in spread(both, _LABELS)]
    frames, size, fps, motion = look_at_video(Path(video))
    return Seen(
        root=root,
        prefix={key: os.path.relpath(folder, root) for key, folder in folders.items()},
        suffixes=suffixes,
        images=len(both),
        source_size=(picture.shape[1], picture.shape[0]),
        shares=_shares(names),
        frames=frames,
        target_size=size,
        fps=fps,
        motion=motion,
    )


def _shares(paths: Sequence[str]) -> dict[int, float]:
    counts: Counter[int] = Counter()
    for path in paths:
        ids, numbers = np.unique(read_index_label(path), return_counts=True)
        counts.update(dict(zip(ids.tolist(), numbers.tolist())))
    return {raw: count / counts.total() for raw, count in sorted(counts.items())}


def look_at_video(video: Path) -> tuple[int, tuple[int, int], float, float]:
    """Look at a target: a video, a folder of videos (at the first), or a folder of frames.

    Returns:
        Number of frames, (W, H), frames a second (0 where nothing says), and the median motion of ``_PAIRS`` pairs, in
        pixels of the frames.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If nothing moves, or there is a single frame.
    """
    if not video.exists():
        raise FileNotFoundError(f'there is no video and no folder at {video}')
    inside = sorted(path for path in video.iterdir() if path.suffix.lower() in VIDEOS) if video.is_dir() else []
    source = FrameSource(inside[0] if inside else video)
    pairs = source.pairs()
    motions, estimator = [], DISFlow()
    for pair in spread(pairs, _PAIRS):
        frame_a, frame_b = (_as_frame(source.read(frame)) for frame in pair)
        flow = estimator(frame_a[0], frame_b[0])[0]
        motions.append(float(flow.norm(dim=0).quantile(0.9)) * frame_a[1])
    motion = float(np.median(motions))
    if motion < _STILL:
        raise ValueError(
            f'nothing moves in {video} (median motion {motion:.3f} pixels from frame to frame), and I2VDA learns from '
            'motion: take a video with some, or fewer frames a second'
        )
    height, width = source.read(pairs[0][0]).shape[:2]
    return len(pairs) + 1, (width, height), 0.0 if video.is_dir() and not inside else source.fps, motion


def _as_frame(image: np.ndarray) -> tuple[torch.Tensor, float]:
    """A BGR picture as (1, 3, h, w), RGB, small enough to be quick; and by how much it was made smaller."""
    factor = max(1.0, image.shape[1] / 320)
    small = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small[..., ::-1].copy()).permute(2, 0, 1)[None].float(), factor


def propose_classes(seen: Seen, classes: str | None, name: str) -> ClassSpace:
    """Read the classes from a file, or number them after the raw ids.

    Args:
        seen: What the files show.
        classes: A YAML or JSON file of a class space; or a text with one class a line, ``id name``, or names alone for
            the ids 0, 1, ...; None: a class an id.
        name: Name of the class space, if the file has none.

    Raises:
        ConfigError: If an id of the labels is in none of the classes, or the file is wrong.
    """
    found = [raw for raw in seen.shares if raw != IGNORE_INDEX]
    if classes is None:
        return class_space_of(
            dict(name=name, classes=[f'class_{raw}' for raw in found], source={raw: f'class_{raw}' for raw in found})
        )
    if not Path(classes).is_file():
        raise FileNotFoundError(f'--classes: there is no file {classes}')
    is_space = classes.endswith(FILES)
    space = class_space_of(classes) if is_space else class_space_of(_listed(Path(classes), name))
    if strangers := [raw for raw in found if raw not in space.raw_ids('source')]:
        shown = ', '.join(f'{raw} ({seen.shares[raw]:.1%} of the pixels)' for raw in strangers)
        raise ConfigError(
            f'--classes: the labels hold raw ids that {classes} does not name: {shown}. Give each a class, or ignore '
            f'it ({"source: {ID: null}" if is_space else "a line with the id alone"})'
        )
    return space


def _listed(path: Path, name: str) -> dict[str, Any]:
    source: dict[int, str | None] = {}
    lines = [line.strip() for line in path.read_text(encoding='utf-8-sig').splitlines() if line.strip()]
    for number, line in enumerate(lines):
        first, _, rest = line.partition(' ')
        raw, label = (int(first), rest.strip() or None) if first.isdecimal() else (number, line)
        if raw in source:
            raise ConfigError(f'{path}: id {raw} is named twice')
        source[raw] = label
    classes = list(dict.fromkeys(label for label in source.values() if label))
    return dict(name=name, classes=classes, source=source)
