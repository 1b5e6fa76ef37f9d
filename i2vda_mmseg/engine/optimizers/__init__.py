"""Optimizers of networks that are trained in turn."""

from .bfloat16_optim_wrapper import Bfloat16OptimWrapper
from .repeated_steps import RepeatedSteps, walk_counts
from .separate_constructor import SeparateOptimWrapperConstructor
from .separate_optim_wrapper_dict import SeparateOptimWrapperDict, schedulers_of, wrappers_of

__all__ = [
    'Bfloat16OptimWrapper', 'RepeatedSteps', 'SeparateOptimWrapperConstructor', 'SeparateOptimWrapperDict',
    'schedulers_of', 'walk_counts', 'wrappers_of',
]  # fmt: skip
