"""Losses that neither torch nor mmseg has."""

from .binary_cross_entropy_loss import BinaryCrossEntropyLoss
from .least_squares_loss import LeastSquaresLoss

__all__ = ['BinaryCrossEntropyLoss', 'LeastSquaresLoss']
