"""Optimizers of networks that are trained in turn."""

from .separate_constructor import SeparateOptimWrapperConstructor

__all__ = ['SeparateOptimWrapperConstructor']
