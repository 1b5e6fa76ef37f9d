"""What a number means."""

from .bootstrap import intervals, paired_intervals
from .clip_counts import ClipCounts, read_clip_counts, write_clip_counts
from .confusion_matrix import ConfusionMatrix
from .domain_iou_metric import DomainIoUMetric
from .label_free import LabelFreeSelection
from .metrics_file import write_metrics
from .pair_consistency import TC_PRESETS, Switches, choose_switches
from .prediction_writer import PredictionWriter
from .protocols import PROTOCOLS, Protocol
from .temporal_consistency import ClipConsistency, TemporalConsistency, temporal_consistency

__all__ = [
    'PROTOCOLS', 'TC_PRESETS', 'ClipConsistency', 'ClipCounts', 'ConfusionMatrix', 'DomainIoUMetric',
    'LabelFreeSelection', 'PredictionWriter', 'Protocol', 'Switches', 'TemporalConsistency', 'choose_switches',
    'intervals', 'paired_intervals', 'read_clip_counts', 'temporal_consistency', 'write_clip_counts', 'write_metrics',
]  # fmt: skip
