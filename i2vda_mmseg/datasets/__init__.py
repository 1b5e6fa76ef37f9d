"""Data sets: what is on disk becomes samples."""

from .cityscapes_clips import CityscapesClipDataset
from .cityscapes_seq import CityscapesSeqDataset
from .clip_sampler import ClipSampler
from .domain_pair import DomainPairDataset
from .pair_index import PairIndex
from .raw_label_dataset import RawLabelDataset
from .samplers import DomainPairSampler
from .seeding import seeded
from .synthia_seq import SynthiaSeqDataset
from .transforms import (
    HistogramMatching,
    LoadFramePair,
    LoadImage,
    LoadPseudoLabels,
    LoadRawLabels,
    LoadSoftPseudoLabels,
    MaskEgoVehicle,
    PackFramePair,
    RareClassCrop,
    SpectrumTransfer,
    StrongAugmentation,
    TemporalAugmentation,
)
from .viper import ViperDataset

__all__ = [
    'CityscapesClipDataset', 'CityscapesSeqDataset', 'ClipSampler', 'DomainPairDataset', 'DomainPairSampler',
    'HistogramMatching', 'LoadFramePair', 'LoadImage', 'LoadPseudoLabels', 'LoadRawLabels', 'LoadSoftPseudoLabels',
    'MaskEgoVehicle', 'PackFramePair', 'PairIndex', 'RareClassCrop', 'RawLabelDataset', 'SpectrumTransfer',
    'StrongAugmentation', 'SynthiaSeqDataset', 'TemporalAugmentation', 'ViperDataset', 'seeded',
]  # fmt: skip
