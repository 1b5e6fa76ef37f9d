"""The methods, one small class each over a base that decides when each network steps."""

from .accel_encoder_decoder import AccelEncoderDecoder
from .accel_hrda_encoder_decoder import AccelHRDAEncoderDecoder
from .adaptsegnet import AdaptSegNet
from .advent import AdvEnt
from .adversarial import AdversarialSegmentor
from .alternating import AlternatingSegmentor
from .base import DomainAdaptiveSegmentor
from .cbst import CBST
from .cmom import CMOM
from .crst import CRST
from .dacs import DACS
from .daformer import DAFormer
from .davsn import DAVSN
from .fda import FDA
from .frame_fusion import FrameFusion
from .hf_segmentor import HFSegmentor
from .hrda import HRDA
from .hrda_encoder_decoder import HRDAEncoderDecoder
from .i2vda import I2VDA
from .mic import MIC
from .minent import MinEnt
from .multi_band import MultiBandSegmentor
from .multi_level import MultiLevelEncoderDecoder
from .proxy import ProxyMixin
from .pseudo_label_refinement import PseudoLabelRefinement
from .quadmix import QuadMix
from .self_training import SelfTrainingSegmentor
from .source_only import SourceOnly
from .temporal import TemporalAugmentedConsistency
from .tps import TPS
from .two_frame import TwoFrameSegmentor
from .two_frame_encoder_decoder import TwoFrameEncoderDecoder
from .updates import SegmentorPass
from .vfm_uda import VFMUDA
from .video_adversarial import VideoAdversarialSegmentor

__all__ = [
    'CBST', 'CMOM', 'CRST', 'DACS', 'DAVSN', 'FDA', 'HRDA', 'I2VDA', 'MIC', 'TPS', 'VFMUDA', 'AccelEncoderDecoder',
    'AccelHRDAEncoderDecoder', 'AdaptSegNet', 'AdvEnt', 'AdversarialSegmentor', 'AlternatingSegmentor', 'DAFormer',
    'DomainAdaptiveSegmentor', 'FrameFusion', 'HFSegmentor', 'HRDAEncoderDecoder', 'MinEnt', 'MultiBandSegmentor',
    'MultiLevelEncoderDecoder', 'ProxyMixin', 'PseudoLabelRefinement', 'QuadMix', 'SegmentorPass',
    'SelfTrainingSegmentor', 'SourceOnly', 'TemporalAugmentedConsistency', 'TwoFrameEncoderDecoder',
    'TwoFrameSegmentor', 'VideoAdversarialSegmentor',
]  # fmt: skip
