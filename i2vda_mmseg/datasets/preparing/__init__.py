"""Data sets that are known by name, from their downloads to lists and configs."""

from .cityscapes_zip import extract_neighbours
from .common_classes import common_class_space
from .known_data import KnownData, known_data, known_names
from .preparation import Preparation
from .prepared import Prepared, PreparedSplit, read_prepared

__all__ = [
    'KnownData', 'Preparation', 'Prepared', 'PreparedSplit', 'common_class_space', 'extract_neighbours', 'known_data',
    'known_names', 'read_prepared',
]  # fmt: skip
