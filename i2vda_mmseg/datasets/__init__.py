"""Data sets: what is on disk becomes samples."""

from . import transforms
from .cityscapes_clips import CityscapesClipDataset
from .cityscapes_seq import CityscapesSeqDataset
from .clip_sampler import ClipSampler
from .domain_pair import DomainPairDataset
from .pair_index import PairIndex
from .raw_label_dataset import RawLabelDataset
from .samplers import DomainPairSampler
from .seeding import seeded
from .synthia_seq import SynthiaSeqDataset
from .transforms import *  # noqa: F403
from .viper import ViperDataset

__all__ = [
    'CityscapesClipDataset', 'CityscapesSeqDataset', 'ClipSampler', 'DomainPairDataset', 'DomainPairSampler',
    'PairIndex', 'RawLabelDataset', 'SynthiaSeqDataset', 'ViperDataset', 'seeded',
]  # fmt: skip
__all__ += transforms.__all__
