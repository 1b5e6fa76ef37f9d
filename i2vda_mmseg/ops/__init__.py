"""Pure functions on tensors: the paper's equations, each said once. Imports torch only."""

from .class_balanced import class_balanced_labels, class_balanced_soft_labels
from .confidence_histogram import ConfidenceHistogram
from .confidence_rank import confident_labels, easy_and_hard, rank_thresholds
from .consistency import consistency_mask
from .correlation import Correlation, correlation
from .entropy import normalized_entropy, robust_entropy, self_information
from .flow_geometry import flip_flow, resize_flow
from .fourier import swap_low_frequencies
from .interpolation import interpolate_frame
from .labels import IGNORE_INDEX
from .photometric import adjust_brightness, adjust_contrast, adjust_saturation, gaussian_blur, grayscale, shift_hue
from .propagation import propagate
from .psa_mask import PSAMask, psa_mask
from .resize import upsample
from .self_training import ema_decay
from .warp import UNKNOWN_FLOW, inside, unknown, warp

__all__ = [
    'IGNORE_INDEX', 'UNKNOWN_FLOW', 'ConfidenceHistogram', 'Correlation', 'PSAMask', 'adjust_brightness',
    'adjust_contrast', 'adjust_saturation', 'class_balanced_labels', 'class_balanced_soft_labels', 'confident_labels',
    'consistency_mask', 'correlation', 'easy_and_hard', 'ema_decay', 'flip_flow', 'gaussian_blur', 'grayscale',
    'inside', 'interpolate_frame', 'normalized_entropy', 'propagate', 'psa_mask', 'rank_thresholds', 'resize_flow',
    'robust_entropy', 'self_information', 'shift_hue', 'swap_low_frequencies', 'unknown', 'upsample', 'warp',
]  # fmt: skip
