"""Hooks and optimizers for mmengine's runner."""

from . import hooks, optimizers

__all__ = ['hooks', 'optimizers']
