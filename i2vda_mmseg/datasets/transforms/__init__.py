"""Steps of the data pipelines."""

from .formatting import PackFramePair
from .labels import LoadRawLabels, MaskEgoVehicle
from .loading import LoadFramePair, LoadImage
from .temporal_augmentation import TemporalAugmentation

__all__ = [
    'LoadFramePair',
    'LoadImage',
    'LoadRawLabels',
    'MaskEgoVehicle',
    'PackFramePair',
    'TemporalAugmentation',
]
