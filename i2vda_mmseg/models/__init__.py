"""Networks, losses and methods."""

from . import backbones, discriminators, heads, losses, propagation, segmentors
from .data_preprocessor import DomainDataPreprocessor

__all__ = ['DomainDataPreprocessor', 'backbones', 'discriminators', 'heads', 'losses', 'propagation', 'segmentors']
