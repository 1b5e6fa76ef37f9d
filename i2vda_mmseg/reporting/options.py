"""What a report is asked to hold."""

from collections.abc import Callable
from typing import Any, NamedTuple


class ReportOptions(NamedTuple):
    """What a report is to hold.

    Attributes:
        title: Of the page; None makes one of the runs' names.
        clip: See ``find_clip``.
        max_frames: Frames of the clip; 0 shows no clip.
        samples: Labelled frames to draw panels of; 0 draws none.
        checkpoint_name: File to look for in each work dir, like 'iter_50000.pth'; None takes the tested or last one.
        device: Where the networks run.
        cfg_options: Settings of all runs to override, such as where the data are.
        progress: Called with what is being done.
    """

    title: str | None = None
    clip: str | None = None
    max_frames: int = 30
    samples: int = 2
    checkpoint_name: str | None = None
    device: str = 'cpu'
    cfg_options: dict[str, Any] | None = None
    progress: Callable[[str], None] | None = None

    def tell(self, what: str) -> None:
        """Say what is being done."""
        if self.progress is not None:
            self.progress(what)
