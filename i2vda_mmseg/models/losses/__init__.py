"""Losses that neither torch nor mmseg has."""

from .binary_cross_entropy_loss import BinaryCrossEntropyLoss
from .least_squares_loss import LeastSquaresLoss
from .mrkld_loss import MRKLDLoss
from .soft_cross_entropy_loss import SoftCrossEntropyLoss

__all__ = ['BinaryCrossEntropyLoss', 'LeastSquaresLoss', 'MRKLDLoss', 'SoftCrossEntropyLoss']
