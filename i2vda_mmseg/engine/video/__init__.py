"""Segmenting video that no data set describes."""

from .frame_predictor import FramePredictor
from .segment_video import VideoSummary, segment_video
from .tc_metric import tc_metric
from .video_writer import VideoWriter

__all__ = ['FramePredictor', 'VideoSummary', 'VideoWriter', 'segment_video', 'tc_metric']
