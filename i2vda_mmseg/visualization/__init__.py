"""Flow colours and panels: numpy in, RGB out."""

from .contact_sheet import SheetRow, draw_contact_sheet
from .differences import changes_to_rgb, errors_to_rgb
from .flow_colors import flow_to_rgb
from .label_colors import label_to_rgb, mask_to_rgb
from .panel import draw_panel

__all__ = [
    'SheetRow', 'changes_to_rgb', 'draw_contact_sheet', 'draw_panel', 'errors_to_rgb', 'flow_to_rgb', 'label_to_rgb',
    'mask_to_rgb',
]  # fmt: skip
