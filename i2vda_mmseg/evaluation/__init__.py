"""What a number means."""

from .confusion_matrix import ConfusionMatrix
from .domain_iou_metric import DomainIoUMetric
from .label_free import LabelFreeSelection
from .metrics_file import write_metrics
from .pair_consistency import TC_PRESETS, Switches, choose_switches
from .prediction_writer import PredictionWriter
from .protocols import PROTOCOLS, Protocol
from .temporal_consistency import ClipConsistency, TemporalConsistency, temporal_consistency

__all__ = [
    'PROTOCOLS', 'TC_PRESETS', 'ClipConsistency', 'ConfusionMatrix', 'DomainIoUMetric', 'LabelFreeSelection',
    'PredictionWriter', 'Protocol', 'Switches', 'TemporalConsistency', 'choose_switches', 'temporal_consistency',
    'write_metrics',
]  # fmt: skip
