"""Pairs of frames with their flow, one below the other, to be judged at a glance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2vda_mmseg.flow.formats import known

from .flow_colors import flow_to_rgb
from .label_colors import mask_to_rgb
from .panel import draw_panel

_BLACK_AT = 64.0  # grey levels of error


class SheetRow(NamedTuple):
    """One frame a, and what its flow to frame b makes of b."""

    name: str  # caption of the frame
    frame: np.ndarray  # frame a, (H, W, 3), uint8, RGB
    flow: np.ndarray  # flow from a to b on a's grid, (H, W, 2), pixels
    warped: np.ndarray  # frame b warped with the flow, (H, W, 3), uint8, RGB
    valid: np.ndarray  # validity mask on a's grid, (H, W), bool, True = keep


def draw_contact_sheet(rows: Sequence[SheetRow], *, cell_height: int = 160, title: str = '') -> np.ndarray:
    """Draw frame, flow, warped frame, error and validity mask of each row: (H, W, 3), uint8, RGB.

    All flows share one scale of colours, whose full colour stands for the 99th percentile of their lengths. The error
    is the mean absolute difference of the channels: white is none, black is 64 and more.

    Args:
        rows: What to draw, at least one.
        cell_height: Height of each picture in the sheet, in pixels, at least 32.
        title: Line above the rows.

    Raises:
        ValueError: If there is no row, or a picture has the wrong shape or type.

    Example:
        >>> still = np.zeros((32, 64, 3), np.uint8)
        >>> row = SheetRow('frame', still, np.zeros((32, 64, 2)), still, np.ones((32, 64), bool))
        >>> draw_contact_sheet([row], cell_height=32).shape
        (58, 356, 3)
    """
    if not rows:
        raise ValueError('a contact sheet needs at least one row')
    lengths = np.concatenate([np.hypot(*row.flow[known(row.flow)].T) for row in rows])
    longest = max(1.0, float(np.percentile(lengths, 99))) if lengths.size else 1.0
    cells, sharp = [], []
    for row in rows:
        mask_caption = f'Validity mask ({row.valid.mean():.0%} kept)'
        cells += [
            (row.name, row.frame),
            (f'Flow (full colour from {longest:.1f} px)', flow_to_rgb(row.flow, longest)),
            ('Other frame, warped', row.warped),
            ('Error', _error_to_rgb(row.frame, row.warped)),
            (mask_caption, mask_to_rgb(row.valid)),
        ]
        sharp.append(mask_caption)
    return draw_panel(cells, columns=5, cell_height=cell_height, nearest=sharp, title=title)


def _error_to_rgb(frame: np.ndarray, warped: np.ndarray) -> np.ndarray:
    error = np.abs(frame.astype(np.float32) - warped.astype(np.float32)).mean(axis=2)
    grey = np.round(255 * (1 - np.clip(error / _BLACK_AT, 0, 1))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
