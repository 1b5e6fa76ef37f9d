"""A video or a folder of frames, one frame after the other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .frame_source import IMAGES, clip_starts, list_frames
from .images import read_image
from .video_reader import VideoReader

_DEFAULT_FPS = 17.0  # of Cityscapes sequences; a folder of frames states none


class FrameStream:
    """Frames in their order, with one of them in memory at a time.

    Args:
        source: A video file, or a folder whose pictures are the frames, in the order of the numbers in their names.

    Attributes:
        fps: Frames a second: the video's own, 17 for a folder.
        clip_starts: Positions, from 0, of the frames that continue nothing: the first one, and in a folder those at
            which another clip begins, see ``frame_source.clip_starts``.

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        ValueError: If it is neither, or a folder without pictures.

    Example:
        .. code-block:: python

            for frame in FrameStream('drive.mp4'):
                frame.shape  # (H, W, 3), uint8, BGR
    """

    def __init__(self, source: str | Path) -> None:
        self.source = Path(source)
        if not self.source.exists():
            raise FileNotFoundError(f'there is no video and no folder at {source}')
        self._paths: list[Path] = []
        self.fps = _DEFAULT_FPS
        self._video: VideoReader | None = None
        self.clip_starts = frozenset([0])
        if self.source.is_dir():
            frames = list_frames(self.source)
            if not frames:
                raise ValueError(f'the folder {source} holds no frames ({", ".join(IMAGES)})')
            self._paths = [frame.path for frame in frames]
            self.clip_starts = clip_starts(frames)
        else:
            self._video = VideoReader(self.source)
            self.fps = self._video.fps or _DEFAULT_FPS

    def __len__(self) -> int:
        """Number of frames; of a video, the number that it states, which may be wrong, or 0 if it states none."""
        return len(self._paths) if self._video is None else self._video.frames

    def __iter__(self) -> Iterator[np.ndarray]:
        """Read frame after frame: (H, W, 3), uint8, BGR.

        Raises:
            ValueError: If a frame cannot be decoded, or its size is not that of the first one; at the end of a video,
                if it states clearly more frames than could be decoded.
        """
        size = None
        for name, frame in self._named():
            size = size or frame.shape[:2]
            if frame.shape[:2] != size:
                raise ValueError(
                    f'{name} is {frame.shape[1]}x{frame.shape[0]}, but the first frame of {self.source} is '
                    f'{size[1]}x{size[0]} (width x height)'
                )
            yield frame

    def _named(self) -> Iterator[tuple[str, np.ndarray]]:
        if self._video is not None:
            yield from ((f'frame {number} of {self.source}', frame) for number, frame in enumerate(self._video))
        for path in self._paths:
            yield str(path), read_image(str(path), colours=('RGB', 'RGBA', 'grey', 'palette'))
