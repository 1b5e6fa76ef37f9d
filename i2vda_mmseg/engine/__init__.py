"""Hooks, loops and optimizers for mmengine's runner."""

from . import checkpoints, hooks, labelling, loops, optimizers

__all__ = ['checkpoints', 'hooks', 'labelling', 'loops', 'optimizers']
