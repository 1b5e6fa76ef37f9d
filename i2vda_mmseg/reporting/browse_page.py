"""What a training reads, on one page."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .page import Legend, render
from .pictures import Picture, photo_picture, sharp_picture

_MAX_WIDTH = 640


class BrowsedSide(NamedTuple):
    """One domain of a training sample.

    Attributes:
        title: What it is.
        paths: Files that it was read from.
        cells: Captions and pictures, (H, W, 3), uint8, RGB.
        sharp: Captions of those that are labels or masks.
    """

    title: str
    paths: list[str]
    cells: list[tuple[str, np.ndarray]]
    sharp: list[str]

    @property
    def pictures(self) -> list[Picture]:
        """The pictures as the page shows them."""
        return [
            (sharp_picture if caption in self.sharp else photo_picture)(caption, image, _MAX_WIDTH)
            for caption, image in self.cells
        ]


class BrowsedSample(NamedTuple):
    """A training sample: its name, and its source and its target."""

    name: str
    sides: list[BrowsedSide]


def browse_page(title: str, notes: Sequence[str], samples: Sequence[BrowsedSample], classes: Legend) -> str:
    """Lay samples out as one HTML document that refers to nothing outside itself.

    Args:
        title: Of the page.
        notes: Sentences above the samples.
        samples: What to show.
        classes: Name and RGB colour of each class.
    """
    return render('browse.html', title=title, notes=notes, samples=samples, classes=classes)
