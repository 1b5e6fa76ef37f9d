"""Flow colours and panels: numpy in, RGB out."""

from .contact_sheet import SheetRow, draw_contact_sheet
from .flow_colors import flow_to_rgb
from .label_colors import label_to_rgb, mask_to_rgb
from .panel import draw_panel

__all__ = ['SheetRow', 'draw_contact_sheet', 'draw_panel', 'flow_to_rgb', 'label_to_rgb', 'mask_to_rgb']
