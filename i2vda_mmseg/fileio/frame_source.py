"""A folder or a video as numbered frames, in clips."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

import numpy as np

from .frames import FRAME_COLOURS, FrameIndex, place_of
from .images import read_image
from .listing import list_files
from .video_reader import DEFAULT_FPS, VideoReader

SEQUENCES, LABELS = 'leftImg8bit_sequence', 'gtFine'
IMAGES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp')
T = TypeVar('T')


class Frame(NamedTuple):
    """Where a frame is."""

    name: str  # file name without its ending and without ``_leftImg8bit``; of a video, its name and the frame's number
    key: str  # path relative to the data root, or to the folder
    path: Path  # the file
    position: int = 0  # position in a video, from 0

    @property
    def place(self) -> str:
        """Its folders below the data root, or the folder, and its name: no other frame of the source has the same."""
        return str(PurePosixPath(self.key).with_name(self.name))


Pair = tuple[Frame, Frame]


def spread(items: Sequence[T], count: int) -> list[T]:
    """Take up to ``count`` things, evenly from all over.

    Example:
        >>> spread(range(60), 2), spread('a', 2)
        ([15, 45], ['a'])
    """
    count = min(len(items), count)
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


class FrameSource:
    """Frames in their order, with one of them in memory at a time.

    Args:
        source: A video file; a folder of pictures, or of folders of pictures; or a folder with
            ``leftImg8bit_sequence`` (or with a ``cityscapes`` that has it), where the labels in gtFine tell snippets
            apart. Which pictures follow each other is told by their names, see ``fileio.frames``.

    Attributes:
        fps: Frames a second: the video's own, 17 for a folder.
        clips: Frames of a folder in their order, in clips; a video is one clip, whose frames are counted by ``pairs``.
        warning: Says so where most frames of a folder stand alone; else ''.

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        ValueError: If it is neither, a folder without pictures, or two pictures have the same name or number.
    """

    def __init__(self, source: str | Path) -> None:
        self.source = Path(source)
        self.fps = DEFAULT_FPS
        self.clips: list[list[Frame]] = []
        self.warning = ''
        self._video: VideoReader | None = None
        self._sizes: dict[str, tuple[str, tuple[int, ...]]] = {}  # of the first frame read of each clip
        if not self.source.exists():
            raise FileNotFoundError(f'there is no video and no folder at {source}')
        if self.source.is_dir():
            frames, labelled = _find_frames(self.source)
            index = FrameIndex(frames, labelled)
            self.clips = [[frames[name] for name in clip] for clip in index.clips]
            self.warning = index.warning()
        elif self.source.suffix.lower() in IMAGES:
            raise ValueError(f'{source} is a single picture; give the folder that it is in')
        else:
            self._video = VideoReader(self.source)
            self.fps = self._video.fps or DEFAULT_FPS

    def __len__(self) -> int:
        """Number of frames; of a video, the number that it states, which may be wrong, or 0 if it states none."""
        return sum(map(len, self.clips)) if self._video is None else self._video.frames

    @property
    def clip_starts(self) -> frozenset[int]:
        """Positions, from 0, of the frames that continue nothing."""
        return frozenset([0, *accumulate(map(len, self.clips[:-1]))])

    def __iter__(self) -> Iterator[np.ndarray]:
        """Read frame after frame: (H, W, 3), uint8, BGR.

        Raises:
            ValueError: If a frame cannot be decoded, or its size is not that of the first one; at the end of a video,
                if it states clearly more frames than could be decoded.
        """
        self._sizes = {}
        if self._video is not None:
            for number, image in enumerate(self._video):
                yield self._checked(image, f'frame {number} of {self.source}', 'all')
        for clip in self.clips:
            for frame in clip:
                yield self._checked(read_image(str(frame.path), colours=FRAME_COLOURS), str(frame.path), 'all')

    def pairs(self) -> list[Pair]:
        """All pairs of frames that follow each other; of a video, all frames are decoded to count them.

        Raises:
            ValueError: If there is none, or a video is damaged.
        """
        pairs = [pair for clip in self.clips or [self._video_frames()] for pair in pairwise(clip)]
        if not pairs:
            advice = 'names must end in a number, as in clip_000019.png, and agree before it'
            raise ValueError(
                f'{self.source} holds {len(self)} frames but no two consecutive ones; '
                + (advice if self._video is None else 'take a longer video')
            )
        return pairs

    def read(self, frame: Frame) -> np.ndarray:
        """Read one frame: (H, W, 3), uint8, BGR; of a video, fastest in their order.

        Raises:
            OSError: If it is not there or may not be read.
            ValueError: If it cannot be decoded, or its size is not that of the other frames of its clip.
        """
        if self._video is not None:
            return self._checked(self._video.read(frame.position), f'frame {frame.position} of {self.source}', 'all')
        image = read_image(str(frame.path), colours=FRAME_COLOURS)
        place = place_of(frame.key.removesuffix(frame.path.suffix))
        return self._checked(image, str(frame.path), place[0] if place else '')

    def _video_frames(self) -> list[Frame]:
        count = 0 if self._video is None else self._video.count()
        path = self.source
        return [Frame(f'{path.stem}_{i:06d}', f'{path.name}:{i}', path, i) for i in range(count)]

    def _checked(self, image: np.ndarray, name: str, clip: str) -> np.ndarray:
        first, size = self._sizes.setdefault(clip, (name, image.shape))
        if image.shape != size:
            raise ValueError(
                f'{name} has {image.shape[1]}x{image.shape[0]} pixels, but {first} has {size[1]}x{size[0]} (width x '
                'height); frames that follow each other must have one size'
            )
        return image


def _find_frames(folder: Path) -> tuple[dict[str, Frame], list[str]]:
    """Give the frames below a folder by their names for ``FrameIndex``, and such names of labelled ones."""
    root = next((root for root in (folder, folder / 'cityscapes') if (root / SEQUENCES).is_dir()), None)
    top = root or folder
    here = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith('.'))
    files = [] if root else [name for name in here if Path(name).suffix.lower() in IMAGES]
    below = '' if root is None else f'{SEQUENCES}/'
    files = files or [below + file for file in list_files(str(top / below), '') if Path(file).suffix.lower() in IMAGES]
    if not files:
        raise ValueError(f'the folder {top / below} holds no frames ({", ".join(IMAGES)})')
    frames: dict[str, Frame] = {}
    for file in files:
        path = top / file
        name = path.stem.removesuffix('_leftImg8bit')
        frame = Frame(name, file, path)
        other = frames.setdefault(file.removesuffix(path.name) + name, frame)
        if other is not frame:
            raise ValueError(f'{other.path} and {path} have the same name; one of them must go')
    has_labels = root is not None and (root / LABELS).is_dir()
    labels = list_files(str(top / LABELS), '_gtFine_labelIds.png') if has_labels else ()
    return frames, [below + name for name in labels]
