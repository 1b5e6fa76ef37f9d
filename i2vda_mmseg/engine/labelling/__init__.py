"""Labellers: what writes the pseudo-labels of a stage."""

from .class_balanced_labeller import ClassBalancedLabeller
from .entropy_rank_labeller import EntropyRankLabeller
from .labeller import Labeller
from .multi_band_labeller import MultiBandLabeller

__all__ = ['ClassBalancedLabeller', 'EntropyRankLabeller', 'Labeller', 'MultiBandLabeller']
