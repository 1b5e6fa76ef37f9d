"""Pictures side by side, with captions."""

from collections.abc import Collection, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from .label_colors import BORDER, LegendItem, draw_legend
from .text import draw_text, fitting_size, shortened

_MIN_CELL_HEIGHT = 32


def draw_panel(
    cells: Sequence[tuple[str, np.ndarray]],
    *,
    columns: int = 4,
    cell_height: int = 192,
    nearest: Collection[str] = (),
    legend: Sequence[LegendItem] = (),
    title: str = '',
) -> np.ndarray:
    """Draw pictures in a grid, row by row, each below its caption, on white: (H, W, 3), uint8, RGB.

    Every cell gets the height ``cell_height`` and the aspect ratio of the first picture. Margins and text grow with
    ``cell_height``; text that does not fit is first written smaller, then cut. In captions and title, ``I_{10}`` writes
    10 as a subscript.

    Args:
        cells: Caption and picture, (H, W, 3), uint8, RGB.
        columns: Cells in a row; fewer if there are fewer cells.
        cell_height: Height of each picture in the panel, in pixels, at least 32.
        nearest: Captions of the cells to resize without blending colours: labels and masks.
        legend: Name and RGB colour of each class, drawn below the grid.
        title: Line above the grid.

    Raises:
        ValueError: If there is no cell, a picture is not (H, W, 3) of uint8, ``nearest`` names no cell, ``columns`` is
            below 1 or ``cell_height`` below 32.

    Example:
        >>> still = np.zeros((96, 192, 3), np.uint8)
        >>> draw_panel([('frame', still), ('labels', still)], cell_height=96, nearest=['labels']).shape
        (122, 402, 3)
    """
    _check(cells, columns, cell_height, nearest)
    height, width = cells[0][1].shape[:2]
    layout = _Layout(min(columns, len(cells)), cell_height, max(1, round(cell_height * width / height)))
    parts = [_draw_grid(cells, layout, nearest)]
    if title:
        parts.insert(0, _draw_title(title, layout))
    if legend:
        parts.append(draw_legend(legend, layout.width, layout.margin, layout.text_size))
    return np.concatenate(parts)


class _Layout:
    """Sizes of a panel, in pixels."""

    def __init__(self, columns: int, cell_height: int, cell_width: int) -> None:
        self.columns, self.cell_height, self.cell_width = columns, cell_height, cell_width
        self.margin = max(6, cell_height // 16)
        self.text_size = max(12, cell_height // 12)
        self.caption_height = round(1.7 * self.text_size)  # of the strip above a picture
        self.row_height = self.caption_height + cell_height + self.margin // 2
        self.width = columns * (cell_width + self.margin) + self.margin

    def corner(self, index: int) -> tuple[int, int]:
        """Give x and y of the upper left pixel of a cell's picture in the grid."""
        row, column = divmod(index, self.columns)
        return self.margin + column * (self.cell_width + self.margin), row * self.row_height + self.caption_height


def _draw_grid(cells: Sequence[tuple[str, np.ndarray]], layout: _Layout, nearest: Collection[str]) -> np.ndarray:
    rows = -(-len(cells) // layout.columns)
    image = Image.new('RGB', (layout.width, rows * layout.row_height + layout.margin // 2), 'white')
    canvas = ImageDraw.Draw(image)
    size = fitting_size([caption for caption, _ in cells], layout.text_size, layout.cell_width)
    for index, (caption, picture) in enumerate(cells):
        x, y = layout.corner(index)
        # A line around the picture, outside it: white skies and masks would otherwise have no edge.
        canvas.rectangle((x - 1, y - 1, x + layout.cell_width, y + layout.cell_height), outline=BORDER)
        image.paste(Image.fromarray(_resized(picture, layout, is_sharp=caption in nearest)), (x, y))
        text = shortened(caption, size, layout.cell_width)
        draw_text(canvas, x, y - 0.5 * layout.text_size, text, size)
    return np.asarray(image)


def _draw_title(title: str, layout: _Layout) -> np.ndarray:
    room = layout.width - 2 * layout.margin
    size = fitting_size([title], round(1.25 * layout.text_size), room)
    image = Image.new('RGB', (layout.width, round(2.2 * layout.text_size)), 'white')
    draw_text(ImageDraw.Draw(image), layout.margin, 1.7 * layout.text_size, shortened(title, size, room), size)
    return np.asarray(image)


def _resized(picture: np.ndarray, layout: _Layout, *, is_sharp: bool) -> np.ndarray:
    if is_sharp:
        method = cv2.INTER_NEAREST
    else:
        method = cv2.INTER_AREA if picture.shape[0] > layout.cell_height else cv2.INTER_CUBIC
    return cv2.resize(picture, (layout.cell_width, layout.cell_height), interpolation=method)


def _check(cells: Sequence[tuple[str, np.ndarray]], columns: int, cell_height: int, nearest: Collection[str]) -> None:
    if not cells:
        raise ValueError('a panel needs at least one cell')
    for caption, picture in cells:
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
            raise ValueError(f'{caption!r} must be uint8 of the shape (H, W, 3), got {picture.dtype} {picture.shape}')
    if strangers := sorted(set(nearest) - {caption for caption, _ in cells}):
        raise ValueError(f'nearest names {strangers}, which are no captions')
    if columns < 1 or cell_height < _MIN_CELL_HEIGHT:
        raise ValueError(
            f'columns must be at least 1 and cell_height {_MIN_CELL_HEIGHT}, got {columns} and {cell_height}'
        )
