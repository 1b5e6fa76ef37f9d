"""Data sets: what is on disk becomes samples."""

from . import transforms
from .cityscapes_clips import CityscapesClipDataset
from .cityscapes_seq import CityscapesSeqDataset
from .class_space import ClassSpace, class_space_of
from .clip_sampler import ClipSampler
from .domain_pair import DomainPairDataset
from .frame_folder import FrameFolderDataset
from .labelled_folder import LabelledFolderDataset
from .pair_index import PairIndex
from .raw_label_dataset import RawLabelDataset
from .samplers import DomainPairSampler
from .seeding import seeded
from .synthia_seq import SynthiaSeqDataset
from .transforms import *  # noqa: F403
from .video import VideoDataset
from .viper import ViperDataset

__all__ = [
    'CityscapesClipDataset', 'CityscapesSeqDataset', 'ClassSpace', 'ClipSampler', 'DomainPairDataset',
    'DomainPairSampler', 'FrameFolderDataset', 'LabelledFolderDataset', 'PairIndex', 'RawLabelDataset',
    'SynthiaSeqDataset', 'VideoDataset', 'ViperDataset', 'class_space_of', 'seeded',
]  # fmt: skip
__all__ += transforms.__all__
