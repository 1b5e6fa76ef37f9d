"""Losses that neither torch nor mmseg has."""

from .least_squares_loss import LeastSquaresLoss

__all__ = ['LeastSquaresLoss']
