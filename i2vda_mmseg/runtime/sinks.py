"""Where labelled frames go: a video, masks, a page."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.video_writer import VideoWriter

from .operator_page import OperatorPage
from .pictures import encode_png
from .video_loop import Taken, overlay


class Sinks(NamedTuple):
    """Where results go; what is None gets nothing."""

    palette: np.ndarray  # (256, 3), uint8, BGR
    opacity: float = 0.5  # of the colours over the frame, 0..1
    writer: VideoWriter | None = None
    masks: Path | None = None  # folder for the class indices, a grey PNG a frame
    page: OperatorPage | None = None

    def write(self, frame: Taken, labels: np.ndarray, times: int = 1) -> None:
        """Write one labelled frame; into the video as often as ``times`` says, to last as long as it was seen."""
        if self.writer is not None or self.page is not None:
            picture = overlay(frame.image, labels, self.palette, self.opacity)
            if self.page is not None:
                self.page.show(picture)
            for _ in range(times if self.writer is not None else 0):
                self.writer.write(picture)  # type: ignore[union-attr]
        if self.masks is not None:
            write_atomically(encode_png(labels), self.masks / f'{frame.name}.png')
