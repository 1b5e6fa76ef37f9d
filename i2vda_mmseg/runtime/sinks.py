"""Where labelled frames go: a video, masks, a page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.video_writer import VideoWriter

from .operator_page import OperatorPage
from .pictures import encode_png
from .video_loop import Taken, mask_path, overlay


class Sinks(NamedTuple):
    """Where results go; what is None gets nothing."""

    palettes: Sequence[np.ndarray]  # (256, 3), uint8, BGR: one for each network, whose pictures are put side by side
    opacity: float = 0.5  # of the colours over the frame, 0..1
    writer: VideoWriter | None = None
    masks: Path | None = None  # folder for the class indices of the first network, a grey PNG a frame
    page: OperatorPage | None = None
    finish: Callable[[np.ndarray], np.ndarray] = lambda picture: picture  # what is done to a picture before it is shown

    def write(self, frame: Taken, labels: Sequence[np.ndarray], times: int = 1) -> None:
        """Write one frame, labelled by each network; into the video ``times``, to last as long as it was seen."""
        if self.writer is not None or self.page is not None:
            pictures = [overlay(frame.image, each, table, self.opacity) for each, table in zip(labels, self.palettes)]
            picture = self.finish(pictures[0] if len(pictures) == 1 else np.hstack(pictures))
            if self.page is not None:
                self.page.show(picture)
            for _ in range(times if self.writer is not None else 0):
                self.writer.write(picture)  # type: ignore[union-attr]
        if self.masks is not None:
            write_atomically(encode_png(labels[0]), mask_path(self.masks, frame.name))
