"""What can be said of a network without labels, to choose one checkpoint of many."""

from .agreement import MixCounts, flip_agreement, label_agreement, mix
from .criteria import (
    PredictionSums,
    batch_nuclear_norm,
    information_maximization,
    negative_entropy,
    soft_neighborhood_density,
)
from .frame_statistics import FrameStatistics, NonFiniteLogitsError, is_constant, summary
from .label_free_selection import ONLINE_CRITERIA, LabelFreeSelection
from .ranking import (
    CRITERIA,
    DEFAULT_CRITERIA,
    class_shift,
    collapse_reason,
    effective_classes,
    order,
    rank_averages,
    shared_criteria,
)

__all__ = [
    'CRITERIA', 'DEFAULT_CRITERIA', 'ONLINE_CRITERIA', 'FrameStatistics', 'LabelFreeSelection', 'MixCounts',
    'NonFiniteLogitsError', 'PredictionSums', 'batch_nuclear_norm', 'class_shift', 'collapse_reason',
    'effective_classes', 'flip_agreement', 'information_maximization', 'is_constant', 'label_agreement', 'mix',
    'negative_entropy', 'order', 'rank_averages', 'shared_criteria', 'soft_neighborhood_density', 'summary',
]  # fmt: skip
