"""Steps of the data pipelines."""

from .cropping import DropBottomRows
from .formatting import PackFramePair
from .labels import LoadRawLabels, MaskEgoVehicle
from .loading import LoadFramePair, LoadImage
from .temporal_augmentation import TemporalAugmentation

__all__ = [
    'DropBottomRows',
    'LoadFramePair',
    'LoadImage',
    'LoadRawLabels',
    'MaskEgoVehicle',
    'PackFramePair',
    'TemporalAugmentation',
]
