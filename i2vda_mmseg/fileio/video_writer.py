"""Frames to a video file."""

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np


class VideoWriter:
    """Writes frames to an MP4 file, which is there only once it is whole; a context manager.

    The codec takes even sizes only: a frame with an odd height or width gets its last row or column twice.

    Args:
        path: File to write; ends in .mp4.
        fps: Frames a second.

    Raises:
        ValueError: If the name has another ending.
        OSError: If the file cannot be written; where the disk is full, at the end.

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
        self._written = 0

    def __enter__(self) -> Self:
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append a frame (H, W, 3), uint8, BGR; all of one size."""
        height, width = frame.shape[:2]
        even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        if self._writer is None:
            codec, size = cv2.VideoWriter.fourcc(*'mp4v'), (even.shape[1], even.shape[0])
            self._writer = cv2.VideoWriter(str(self._partial), codec, self.fps, size)
            if not self._writer.isOpened():
                raise OSError(f'{self.path} cannot be written as a video of {size[0]}x{size[1]}')
        self._writer.write(even)
        self._written += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; a failure leaves none.

        Raises:
            OSError: If not all frames reached the file.
        """
        if self._writer is not None:
            self._writer.release()
        try:
            if kind is None and self._written:
                self._check_written()
                self._partial.replace(self.path)
        finally:
            self._partial.unlink(missing_ok=True)

    def _check_written(self) -> None:
        """Read back how many frames there are: OpenCV reports no failure to write."""
        video = cv2.VideoCapture(str(self._partial))
        found = max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
        video.release()
        if found != self._written:
            raise OSError(
                f'{self.path} could not be written: {found} of {self._written} frames can be read back; the disk may '
                'be full'
            )
