"""Loops: what a run does from its first iteration to its last."""

from .clip_test_loop import ClipTestLoop
from .stage import Stage, stages_in, stages_of
from .staged_train_loop import StagedTrainLoop

__all__ = ['ClipTestLoop', 'Stage', 'StagedTrainLoop', 'stages_in', 'stages_of']
