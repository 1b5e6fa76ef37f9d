"""The page: what it is made of, plain data, and how it becomes HTML."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from .charts import Chart
from .figures import FactRow, FigureTable
from .pictures import Picture

_BREAKS = re.compile(r'(?<=[_./])|(?<=[a-z])(?=[A-Z])')
_SUBSCRIPT = re.compile(r'_\{([^{}]*)\}')


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


def render_report(content: ReportContent) -> str:
    """Lay a report out as one HTML document that refers to nothing outside itself.

    All text is escaped. The same content gives the same document.
    """
    loader = PackageLoader('i2vda_mmseg.reporting', 'templates')
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(subscripts=subscripts, breakable=breakable)
    # They are files of this package, not data.
    parts = {name: Markup(loader.get_source(environment, name)[0]) for name in ('style.css', 'script.js')}
    return environment.get_template('page.html').render(
        content=content, style=parts['style.css'], script=parts['script.js']
    )


def subscripts(caption: str) -> Markup:
    """Write ``I_{10}`` with a subscript.

    Example:
        >>> print(subscripts('F_{10} < 3 px'))
        F<sub>10</sub> &lt; 3 px
    """
    return Markup(_SUBSCRIPT.sub(r'<sub>\1</sub>', str(escape(caption))))


def breakable(name: str) -> Markup:
    """Let a long name break after underscores, dots and slashes and before capitals; what is copied stays the same.

    Example:
        >>> print(breakable('lr_<b>'))
        lr_<wbr>&lt;b&gt;
    """
    return Markup('<wbr>').join(_BREAKS.split(name))
