"""Pure functions on tensors: the paper's equations, each said once. Imports torch only."""

from .adaptive_thresholds import adaptive_thresholds
from .class_balanced import class_balanced_labels, class_balanced_soft_labels
from .class_mix import class_mix_mask, class_number_mask, class_share_mask, mixed, visible_blocks
from .confidence_histogram import ConfidenceHistogram
from .confidence_rank import confident_labels, easy_and_hard, rank_thresholds
from .consistency import consistency_mask
from .correlation import Correlation, correlation
from .entropy import normalized_entropy, robust_entropy, self_information
from .feature_distance import feature_distance, majority_labels, nearest_distance
from .flow_geometry import flip_flow, resize_flow
from .fourier import swap_low_frequencies
from .interpolation import interpolate_frame
from .labels import IGNORE_INDEX, LABEL_VALUES, most_likely
from .mean_discrepancy import class_means, mean_discrepancy
from .photometric import (
    add_brightness,
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    gaussian_blur,
    grayscale,
    scale_saturation,
    shift_hue,
)
from .propagation import propagate
from .psa_mask import PSAMask, psa_mask
from .refinement import REFINEMENTS, refined_labels
from .resize import resize_labels, upsample
from .self_training import confident_share, ema_decay, rare_class_probabilities, within_margins
from .warp import UNKNOWN_FLOW, inside, unknown, warp

__all__ = [
    'IGNORE_INDEX', 'LABEL_VALUES', 'REFINEMENTS', 'UNKNOWN_FLOW', 'ConfidenceHistogram', 'Correlation', 'PSAMask',
    'adaptive_thresholds', 'add_brightness', 'adjust_brightness', 'adjust_contrast', 'adjust_saturation',
    'class_balanced_labels', 'class_balanced_soft_labels', 'class_means', 'class_mix_mask', 'class_number_mask',
    'class_share_mask', 'confident_labels', 'confident_share', 'consistency_mask', 'correlation', 'easy_and_hard',
    'ema_decay', 'feature_distance', 'flip_flow', 'gaussian_blur', 'grayscale', 'inside', 'interpolate_frame',
    'majority_labels', 'mean_discrepancy', 'mixed', 'most_likely', 'nearest_distance', 'normalized_entropy',
    'propagate', 'psa_mask', 'rank_thresholds', 'rare_class_probabilities', 'refined_labels', 'resize_flow',
    'resize_labels', 'robust_entropy', 'scale_saturation', 'self_information', 'shift_hue', 'swap_low_frequencies',
    'unknown', 'upsample', 'visible_blocks', 'warp', 'within_margins',
]  # fmt: skip
