"""The methods, one small class each over a base that decides when each network steps."""

from .adaptsegnet import AdaptSegNet
from .advent import AdvEnt
from .adversarial import AdversarialSegmentor
from .base import DomainAdaptiveSegmentor, SegmentorPass
from .i2vda import I2VDA
from .minent import MinEnt
from .multi_level import MultiLevelEncoderDecoder
from .source_only import SourceOnly

__all__ = [
    'I2VDA',
    'AdaptSegNet',
    'AdvEnt',
    'AdversarialSegmentor',
    'DomainAdaptiveSegmentor',
    'MinEnt',
    'MultiLevelEncoderDecoder',
    'SegmentorPass',
    'SourceOnly',
]
