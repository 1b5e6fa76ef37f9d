"""Rows of class names beside their colours."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .text import draw_text, fitting_size, shortened, text_width

LegendItem = tuple[str, Sequence[int]]
_BORDER = (208, 215, 222)


def draw_legend(items: Sequence[LegendItem], width: int, margin: int, text_size: int) -> np.ndarray:
    """Draw the names beside patches of their colours, in aligned columns and as few rows as they need.

    Args:
        items: Name and RGB colour of each class, at least one.
        width: Width of the picture, in pixels.
        margin: White pixels to the left, to the right and below.
        text_size: Font size in pixels.

    Returns:
        (H, ``width``, 3), uint8, RGB on white.
    """
    names = [name for name, _ in items]
    patch, usable = text_size, width - 2 * margin
    size = fitting_size(names, text_size, usable - 2 * patch)
    widest = max(text_width(name, size) for name in names) + 2.5 * patch  # the patch, and air around the name
    rows = -(-len(items) // max(1, int(usable // widest)))
    columns = -(-len(items) // rows)  # rows of the same length
    row_height = round(1.6 * text_size)
    image = Image.new('RGB', (width, rows * row_height + margin), 'white')
    canvas = ImageDraw.Draw(image)
    for index, (name, color) in enumerate(items):
        row, column = divmod(index, columns)
        x, y = margin + column * usable // columns, row * row_height + (row_height - patch) // 2
        red, green, blue = color
        canvas.rectangle((x, y, x + patch, y + patch), fill=(red, green, blue), outline=_BORDER)
        text = shortened(name, size, usable // columns - 1.6 * patch)
        draw_text(canvas, x + 1.5 * patch, y + 0.86 * patch, text, size)
    return np.asarray(image)
