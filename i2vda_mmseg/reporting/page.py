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
    """How a run is introduced."""

    name: str  # short and unlike the other runs'
    folder: str  # its work dir
    protocol: str | None  # what its mIoU is about; None where nothing says
    headline: str | None  # mIoU in percent as text; None where it was not tested
    temporal: list[tuple[str, str]]  # figures of temporal consistency by name, as text
    missing: list[str]  # what could not be shown of it and why, one sentence each
    files: list[tuple[str, str]]  # ``(title, text)`` of the files that are shown as they are


class Sample(NamedTuple):
    """A frame as several runs see it."""

    name: str  # of the frame
    shared: list[Picture]  # what all runs see: frames and ground truth
    rows: list[tuple[int, list[Picture]]]  # ``(run, pictures)``


class Track(NamedTuple):
    """What one run makes of a clip."""

    run: int  # its position among the runs
    uris: list[str]  # one label map a frame


class ClipPlayer(NamedTuple):
    """A clip to be looked at frame by frame."""

    name: str  # of the clip
    names: list[str]  # of the frames
    frames: list[str]  # their data URIs
    tracks: list[Track]  # the runs' label maps
    size: tuple[int, int]  # width and height in pixels
    fps: float  # frames a second
    note: str  # below it; '' for none


class ReportContent(NamedTuple):
    """All of a report."""

    title: str  # of the page
    runs: list[RunHead]  # the runs, in the order of their columns
    warnings: list[str]  # what speaks against comparing the figures
    tables: list[FigureTable]  # the figures
    facts: list[FactRow]  # what they are about
    charts: list[Chart]  # the curves
    samples: list[Sample]  # the sample panels
    player: ClipPlayer | None  # the clip; None where there is none
    legends: list[Legend]  # the classes' colours
    missing: dict[str, str]  # by section: why there is none, as far as it is not said of each run
    differences: list[FactRow]  # settings that differ
    versions: list[FactRow]  # versions and machines

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
    return render('page.html', content=content)


def render(template: str, **values: Any) -> str:
    """Fill a template of this package in, with its style and its script; all values are escaped."""
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
    return environment.get_template(template).render(**values, style=parts['style.css'], script=parts['script.js'])


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
