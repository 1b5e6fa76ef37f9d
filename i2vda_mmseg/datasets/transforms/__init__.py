"""Steps of the data pipelines."""

from .broadcasting import TransformBroadcaster
from .cropping import DropBottomRows
from .dacs_augmentation import DACSAugmentation
from .flow import ClipFlow, EstimateFlow, LoadFlow
from .formatting import PackFramePair
from .histogram_matching import HistogramMatching
from .labels import LoadRawLabels, MaskEgoVehicle
from .loading import LoadFramePair, LoadImage
from .margins import MarkMargins
from .pseudo_labels import LoadPseudoLabels, LoadSoftPseudoLabels
from .rare_class_crop import RareClassCrop
from .spectrum_transfer import SpectrumTransfer
from .strong_augmentation import StrongAugmentation
from .temporal_augmentation import TemporalAugmentation

__all__ = [
    'ClipFlow', 'DACSAugmentation', 'DropBottomRows', 'EstimateFlow', 'HistogramMatching', 'LoadFlow',
    'LoadFramePair', 'LoadImage', 'LoadPseudoLabels', 'LoadRawLabels', 'LoadSoftPseudoLabels', 'MarkMargins',
    'MaskEgoVehicle', 'PackFramePair', 'RareClassCrop', 'SpectrumTransfer', 'StrongAugmentation',
    'TemporalAugmentation', 'TransformBroadcaster',
]  # fmt: skip
