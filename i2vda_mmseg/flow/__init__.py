"""Optical-flow estimators behind one interface."""

from .base import FlowEstimator
from .dis import DISFlow

__all__ = ['DISFlow', 'FlowEstimator']
