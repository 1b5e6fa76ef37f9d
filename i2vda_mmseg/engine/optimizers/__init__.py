"""Optimizers of networks that are trained in turn."""

from .bfloat16_optim_wrapper import Bfloat16OptimWrapper
from .separate_constructor import SeparateOptimWrapperConstructor
from .separate_optim_wrapper_dict import SeparateOptimWrapperDict

__all__ = ['Bfloat16OptimWrapper', 'SeparateOptimWrapperConstructor', 'SeparateOptimWrapperDict']
