"""What tools and other programs call: launching, checking configs, export, prediction of video."""

from .export import check_export, export_checkpoint, stock_config
from .launch import build_runner, load_config
from .ranks import LAUNCHERS
from .segment_video import Cut, VideoSummary, segment_video
from .testing import tc_metric

__all__ = [
    'LAUNCHERS', 'Cut', 'VideoSummary', 'build_runner', 'check_export', 'export_checkpoint', 'load_config',
    'segment_video', 'stock_config', 'tc_metric',
]  # fmt: skip
