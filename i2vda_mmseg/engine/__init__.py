"""Hooks, loops and optimizers for mmengine's runner."""

from . import checkpoints, exported_segmentor, hooks, labelling, loops, optimizers

__all__ = ['checkpoints', 'exported_segmentor', 'hooks', 'labelling', 'loops', 'optimizers']
