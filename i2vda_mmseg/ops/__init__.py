"""Pure functions on tensors: the paper's equations, each said once. Imports torch only."""

from .consistency import consistency_mask
from .correlation import Correlation, correlation
from .entropy import normalized_entropy, self_information
from .interpolation import interpolate_frame
from .labels import IGNORE_INDEX
from .resize import upsample
from .warp import inside, warp

__all__ = [
    'IGNORE_INDEX',
    'Correlation',
    'consistency_mask',
    'correlation',
    'inside',
    'interpolate_frame',
    'normalized_entropy',
    'self_information',
    'upsample',
    'warp',
]
