"""Frames to a video file."""

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np


class VideoWriter:
    """Writes frames to an MP4 file, which is there only once it is whole; a context manager.

    Args:
        path: File to write; ends in .mp4.
        fps: Frames a second.

    Raises:
        ValueError: If the name has another ending.
        OSError: If the file cannot be written.

    Example:
        .. code-block:: python

            with VideoWriter('out.mp4', fps=17) as writer:
                writer.write(frame)  # (H, W, 3), uint8, BGR
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() != '.mp4':
            raise ValueError(f'{path}: videos are written as .mp4')
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.fps = fps
        self._partial = self.path.with_name(f'.{self.path.stem}.partial.mp4')
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append a frame (H, W, 3), uint8, BGR; all of one size."""
        if self._writer is None:
            codec = cv2.VideoWriter.fourcc(*'mp4v')
            self._writer = cv2.VideoWriter(str(self._partial), codec, self.fps, (frame.shape[1], frame.shape[0]))
            if not self._writer.isOpened():
                raise OSError(f'{self.path} cannot be written as a video of {frame.shape[1]}x{frame.shape[0]}')
        self._writer.write(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; a failure leaves none."""
        if self._writer is not None:
            self._writer.release()
        if kind is None and self._partial.exists():
            self._partial.replace(self.path)
        else:
            self._partial.unlink(missing_ok=True)
