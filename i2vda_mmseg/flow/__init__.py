"""Optical-flow estimators behind one interface, and flow on disk."""

from .base import FlowEstimator
from .cache import FlowCache
from .cached import CachedFlow
from .dis import DISFlow
from .formats import read_davsn, read_flo, read_flow, read_kitti, write_davsn, write_flo, write_kitti
from .mm_flow import MMFlow
from .unavailable import UnavailableFlow, build_flow_estimator

__all__ = [
    'CachedFlow', 'DISFlow', 'FlowCache', 'FlowEstimator', 'MMFlow', 'UnavailableFlow', 'build_flow_estimator',
    'read_davsn', 'read_flo', 'read_flow', 'read_kitti', 'write_davsn', 'write_flo', 'write_kitti',
]  # fmt: skip
