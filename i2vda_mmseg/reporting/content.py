"""What the page is made of: plain data, so that it can be laid out without a run at hand."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .charts import Chart
from .figures import FactRow, FigureTable
from .pictures import Picture

Legend = Sequence[tuple[str, Sequence[int]]]  # name and RGB colour of each class


class RunHead(NamedTuple):
    """How a run is introduced.

    Attributes:
        name: Short and unlike the other runs'.
        folder: Its work dir.
        protocol: What its mIoU is about; None where nothing says.
        headline: mIoU in percent as text; None where it was not tested.
        temporal: Figures of temporal consistency by name, as text.
        missing: What could not be shown of it and why, one sentence each.
        files: ``(title, text)`` of the files that are shown as they are.
    """

    name: str
    folder: str
    protocol: str | None
    headline: str | None
    temporal: list[tuple[str, str]]
    missing: list[str]
    files: list[tuple[str, str]]


class Sample(NamedTuple):
    """A frame as several runs see it.

    Attributes:
        name: Of the frame.
        shared: What all runs see: frames and ground truth.
        rows: ``(run, pictures)``.
    """

    name: str
    shared: list[Picture]
    rows: list[tuple[int, list[Picture]]]


class Track(NamedTuple):
    """What one run makes of a clip.

    Attributes:
        run: Its position among the runs.
        uris: One label map a frame.
    """

    run: int
    uris: list[str]


class ClipPlayer(NamedTuple):
    """A clip to be looked at frame by frame.

    Attributes:
        name: Of the clip.
        names: Of the frames.
        frames: Their data URIs.
        tracks: The runs' label maps.
        size: Width and height in pixels.
        fps: Frames a second.
        note: Below it; '' for none.
    """

    name: str
    names: list[str]
    frames: list[str]
    tracks: list[Track]
    size: tuple[int, int]
    fps: float
    note: str


class ReportContent(NamedTuple):
    """All of a report.

    Attributes:
        title: Of the page.
        runs: The runs, in the order of their columns.
        warnings: What speaks against comparing the figures.
        tables: The figures.
        facts: What they are about.
        charts: The curves.
        samples: The sample panels.
        player: The clip; None where there is none.
        legends: The classes' colours.
        missing: By section: why there is none, as far as it is not said of each run.
        differences: Settings that differ.
        versions: Versions and machines.
    """

    title: str
    runs: list[RunHead]
    warnings: list[str]
    tables: list[FigureTable]
    facts: list[FactRow]
    charts: list[Chart]
    samples: list[Sample]
    player: ClipPlayer | None
    legends: list[Legend]
    missing: dict[str, str]
    differences: list[FactRow]
    versions: list[FactRow]

    def player_data(self) -> dict[str, Any] | None:
        """What the page's script needs to show the clip."""
        if self.player is None:
            return None
        tracks = [dict(name=self.runs[track.run].name, uris=track.uris) for track in self.player.tracks]
        return self.player._asdict() | dict(tracks=tracks)
