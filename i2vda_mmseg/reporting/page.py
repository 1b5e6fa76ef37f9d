"""The page: what it is made of, plain data, and how it becomes HTML."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from i2vda_mmseg.visualization.differences import CHANGED, LEFT_OUT, WRONG

from .about import About
from .charts import Chart
from .confusion import ConfusionTable
from .figures import FactRow, FigureTable
from .paths import shorten
from .pictures import Picture
from .seeds import SeedTable
from .support import DifferenceRow

_BREAKS = re.compile(r'(?<=[_./])|(?<=[a-z])(?=[A-Z])')
_NAME_BREAKS = re.compile(r'(?<=[_./])')
_SUBSCRIPT = re.compile(r'_\{([^{}]*)\}')


Legend = Sequence[tuple[str, Sequence[int]]]  # name and RGB colour of each class
CLASSES, ERRORS, CHANGES = 'classes', 'errors', 'changes'  # what the colours of a picture mean
KEYS: dict[str, Legend] = {
    ERRORS: [('wrong', WRONG), ('without a label', LEFT_OUT)],
    CHANGES: [('another class in the next frame', CHANGED), ('not seen in both frames', LEFT_OUT)],
}


class RunHead(NamedTuple):
    """How a run is introduced."""

    name: str  # short and unlike the other runs'
    protocol: str | None  # what its mIoU is about; None where nothing says
    headline: str | None  # mIoU in percent as text; None where it was not tested
    interval: str  # its 95 % interval as text, or ''
    temporal: list[tuple[str, str]]  # figures of temporal consistency in percent, by name, as text
    missing: list[str]  # what could not be shown of it and why, one sentence each
    files: list[tuple[str, str]]  # ``(title, text)`` of the files that are shown as they are


class Sample(NamedTuple):
    """A frame as several runs see it."""

    name: str  # of the frame
    shared: list[Picture]  # what all runs see: ground truth and frames
    # ``(run, prediction with its errors and its flicker, what it learns from)``
    columns: list[tuple[int, list[Picture], list[Picture]]]


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
    flicker: Chart | None = None  # of each pair of consecutive frames, in percent


class ReportContent(NamedTuple):
    """All of a report."""

    title: str  # of the page
    runs: list[RunHead]  # the runs, in the order of their columns
    about: About  # what was compared
    warnings: list[str]  # what speaks against comparing the figures
    tables: list[FigureTable]  # the figures
    support: str  # what bold means here, or why nothing is; '' for a single run
    compared: list[str]  # figures of the differences
    differences_of_runs: list[DifferenceRow]  # between pairs of runs
    seeds: SeedTable  # runs that differ in their seed only
    facts: list[FactRow]  # what they are about
    charts: list[Chart]  # the curves
    confusion: list[ConfusionTable]  # which class is taken for which
    samples: list[Sample]  # the sample panels
    player: ClipPlayer | None  # the clip; None where there is none
    legends: list[Legend]  # the classes' colours
    missing: dict[str, str]  # by section: why there is none, as far as it is not said of each run
    differences: list[FactRow]  # settings that differ
    versions: list[FactRow]  # versions and machines

    def longest_word(self) -> int:
        """Characters of the longest part of a run's name that is not broken."""
        return max(len(word) for run in self.runs for part in run.name.split() for word in _NAME_BREAKS.split(part))

    def has_intervals(self) -> bool:
        """Whether any figure has an interval."""
        return any(any(row.intervals) for table in self.tables for row in table.rows)

    def player_data(self) -> dict[str, Any] | None:
        """What the page's script needs to show the clip."""
        if self.player is None:
            return None
        tracks = [dict(name=self.runs[track.run].name, uris=track.uris) for track in self.player.tracks]
        return self.player._asdict() | dict(tracks=tracks, flicker=None)


class ReportOptions(NamedTuple):
    """What a report is to hold.

    Attributes:
        title: Of the page; None makes one of the runs' names.
        names: What to call the runs; None takes the ends of their folders.
        clip: See ``find_clip``.
        max_frames: Frames of the clip; 0 shows no clip.
        samples: Labelled frames to draw panels of; 0 draws none.
        checkpoint_name: File to look for in each work dir, like 'iter_50000.pth'; None takes the tested or last one.
        device: Where the networks run.
        cfg_options: Settings of all runs to override, such as where the data are.
        progress: Called with what is being done.
    """

    title: str | None = None
    names: Sequence[str] | None = None
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
        finalize=_without_roots,
    )
    environment.filters.update(subscripts=subscripts, breakable=breakable, whole=whole)
    # They are files of this package, not data.
    parts = {name: Markup(loader.get_source(environment, name)[0]) for name in ('style.css', 'script.js')}
    values |= dict(keys=KEYS)
    return environment.get_template(template).render(**values, style=parts['style.css'], script=parts['script.js'])


def _without_roots(value: Any) -> Any:
    """Cut absolute paths short in whatever the page says; what is markup already, and pictures, stay."""
    return shorten(value) if type(value) is str and not value.startswith('data:') else value


def subscripts(caption: str) -> Markup:
    """Write ``I_{10}`` with a subscript.

    Example:
        >>> print(subscripts('F_{10} < 3 px'))
        F<sub>10</sub> &lt; 3 px
    """
    return Markup(_SUBSCRIPT.sub(r'<sub>\1</sub>', str(escape(shorten(caption)))))


def breakable(name: str) -> Markup:
    """Let a long name break after underscores, dots and slashes and before capitals; what is copied stays the same.

    Example:
        >>> print(breakable('lr_<b>'))
        lr_<wbr>&lt;b&gt;
    """
    return Markup('<wbr>').join(_BREAKS.split(shorten(name)))


def whole(name: str) -> Markup:
    """Let the name of a run break after underscores, dots and slashes only.

    Example:
        >>> print(whole('DAFormer_b5'))
        DAFormer_<wbr>b5
    """
    return Markup('<wbr>').join(_NAME_BREAKS.split(shorten(name)))
