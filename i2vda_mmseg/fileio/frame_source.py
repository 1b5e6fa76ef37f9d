"""Consecutive frames from wherever they are: a data root, a folder or a video."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from .images import read_image
from .video_reader import VideoReader

SEQUENCES = 'leftImg8bit_sequence'
IMAGES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp')


class Frame(NamedTuple):
    """Where a frame is.

    Attributes:
        name: File name without its ending and without ``_leftImg8bit``; of a video, its name and the frame's number.
        key: Path relative to the data root, or to the folder.
        path: The file.
        position: Position in a video, from 0.
    """

    name: str
    key: str
    path: Path
    position: int = 0


Pair = tuple[Frame, Frame]
_NUMBERED = re.compile(r'(.*?)([0-9]+)', re.DOTALL)


def list_pairs(source: Path) -> list[Pair]:
    """Find all pairs of consecutive frames.

    Args:
        source: A folder with ``leftImg8bit_sequence`` (or with a ``cityscapes`` that has it), whose frames are paired
            within a clip and where their numbers differ by 1; any other folder, whose frames are paired where their
            numbers differ by what is most common there; or a video file.

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        ValueError: If it holds no pair, or is a video that is damaged.
    """
    if not source.exists():
        raise FileNotFoundError(f'there is nothing at {source}')
    if source.suffix.lower() in IMAGES and source.is_file():
        raise ValueError(f'{source} is a single picture; give the folder that it is in')
    if source.is_file():
        count = _count_frames(source)
        frames = [Frame(f'{source.stem}_{i:06d}', f'{source.name}:{i}', source, i) for i in range(count)]
        return list(pairwise(frames))
    root = next((root for root in (source, source / 'cityscapes') if (root / SEQUENCES).is_dir()), None)
    found = source.iterdir() if root is None else (root / SEQUENCES).rglob('*')
    paths = sorted(path for path in found if path.suffix.lower() in IMAGES and path.is_file())
    if not paths:
        where = source if root is None else root / SEQUENCES
        raise ValueError(f'{where} holds no frames ({", ".join(IMAGES)}) and {source} is no data root')
    top = source if root is None else root
    frames = _frames(paths, top)
    pairs = _pairs_by_number(frames, step=None if root is None else 1)
    if not pairs:
        raise ValueError(
            f'{source} holds {len(frames)} frames but no two consecutive ones; names must end in a number, '
            'as in clip_000019.png'
        )
    return pairs


def list_frames(folder: Path) -> list[Frame]:
    """Find the pictures of a folder in the order of the numbers in their names: f2 comes before f10."""
    return sorted(_frames((path for path in folder.iterdir() if path.suffix.lower() in IMAGES), folder), key=_in_time)


def clip_starts(frames: Sequence[Frame]) -> frozenset[int]:
    """Tell where clips begin: where names differ before their last number, or that number jumps.

    Args:
        frames: Of one folder, as ``list_frames`` gives them. The step of their numbers is the most common one. Frames
            without any numbers are one clip.

    Returns:
        Positions in ``frames``, the first one among them.
    """
    if not any(_NUMBERED.fullmatch(frame.name) for frame in frames):
        return frozenset([0])
    pairs = set(_pairs_by_number(frames, step=None))
    return frozenset([0, *(i for i, pair in enumerate(pairwise(frames), start=1) if pair not in pairs)])


def _frames(paths: Iterable[Path], top: Path) -> list[Frame]:
    return [Frame(path.stem.removesuffix('_leftImg8bit'), path.relative_to(top).as_posix(), path) for path in paths]


def _in_time(frame: Frame) -> tuple[list[str | int], str]:
    parts = re.split(r'([0-9]+)', frame.name)  # text and number in turn
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], frame.key


def _pairs_by_number(frames: Sequence[Frame], step: int | None) -> list[Pair]:
    """Pair frames of one clip whose numbers differ by ``step``, by default the most common difference."""
    numbered: dict[tuple[Path, str], list[tuple[int, Frame]]] = {}
    for frame in frames:
        if match := _NUMBERED.fullmatch(frame.name):
            numbered.setdefault((frame.path.parent, match[1]), []).append((int(match[2]), frame))
    neighbours = [
        (b - a, (frame_a, frame_b))
        for clip in numbered.values()
        for (a, frame_a), (b, frame_b) in pairwise(sorted(clip, key=lambda item: item[0]))
    ]
    if neighbours and step is None:
        step = Counter(difference for difference, _ in neighbours).most_common(1)[0][0]
    return [pair for difference, pair in neighbours if difference == step]


def _count_frames(path: Path) -> int:
    """Count the frames of a video that can be decoded; containers state wrong numbers."""
    count = VideoReader(path).count()
    if count < 2:
        raise ValueError(f'{path} cannot be read as a video of two frames or more (frames found: {count})')
    return count


class FrameReader:
    """Reads frames; the pairs of a video are best asked for in their order.

    Args:
        size: (H, W) to resize to, or None.
    """

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size
        self._video: VideoReader | None = None
        self._first: dict[tuple[Path, str], tuple[Path, tuple[int, ...]]] = {}
        self._cached = lru_cache(maxsize=2)(self._read)

    def read(self, frame: Frame) -> Tensor:
        """Give a frame as (1, 3, H, W), float32, RGB in 0..255.

        Raises:
            OSError: If it is not there or may not be read.
            ValueError: If it cannot be decoded, or its size is not that of the other frames of its clip.
        """
        return self._cached(frame)

    def _read(self, frame: Frame) -> Tensor:
        if frame.path.suffix.lower() in IMAGES:
            image = read_image(str(frame.path), colours=('RGB', 'RGBA', 'grey', 'palette'))
        else:
            image = self._decode(frame)
        self._check_size(frame, image.shape[:2])
        if self.size is not None:
            image = cv2.resize(image, self.size[::-1], interpolation=cv2.INTER_AREA)
        return torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).permute(2, 0, 1)[None].float()

    def _check_size(self, frame: Frame, size: tuple[int, ...]) -> None:
        """Compare with the first frame of the same clip."""
        clip = (frame.path.parent, frame.name.rstrip('0123456789'))
        first, expected = self._first.setdefault(clip, (frame.path, size))
        if size != expected:
            raise ValueError(
                f'{frame.path} has {size[1]}x{size[0]} pixels, but {first} of the same clip has '
                f'{expected[1]}x{expected[0]} (width x height); the frames of a clip must have one size'
            )

    def _decode(self, frame: Frame) -> np.ndarray:
        if self._video is None or self._video.path != frame.path:
            self._video = VideoReader(frame.path)
        return self._video.read(frame.position)
