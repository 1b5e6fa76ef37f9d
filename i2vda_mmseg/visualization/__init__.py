"""Flow colours and panels: numpy in, RGB out."""

from .flow_colors import flow_to_rgb
from .label_colors import label_to_rgb, mask_to_rgb
from .panel import draw_panel

__all__ = ['draw_panel', 'flow_to_rgb', 'label_to_rgb', 'mask_to_rgb']
