"""Data sets: what is on disk becomes samples."""

from .cityscapes_seq import CityscapesSeqDataset
from .domain_pair import DomainPairDataset
from .pair_index import PairIndex
from .raw_label_dataset import RawLabelDataset
from .samplers import DomainPairSampler
from .seeding import seeded
from .synthia_seq import SynthiaSeqDataset
from .transforms import (
    LoadFramePair,
    LoadImage,
    LoadRawLabels,
    MaskEgoVehicle,
    PackFramePair,
    TemporalAugmentation,
)
from .viper import ViperDataset

__all__ = [
    'CityscapesSeqDataset',
    'DomainPairDataset',
    'DomainPairSampler',
    'LoadFramePair',
    'LoadImage',
    'LoadRawLabels',
    'MaskEgoVehicle',
    'PackFramePair',
    'PairIndex',
    'RawLabelDataset',
    'SynthiaSeqDataset',
    'TemporalAugmentation',
    'ViperDataset',
    'seeded',
]
