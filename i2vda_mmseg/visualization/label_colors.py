"""Labels and masks as colours."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from i2vda_mmseg.ops import IGNORE_INDEX

from .text import draw_text, fitting_size, shortened, text_width


def label_to_rgb(
    labels: np.ndarray, palette: Sequence[Sequence[int]], ignore_color: Sequence[int] = (0, 0, 0)
) -> np.ndarray:
    """Colour a label map: (H, W, 3), uint8, RGB.

    Args:
        labels: (H, W), any integer type; class indices and 255 = ignored.
        palette: One RGB colour in 0..255 a class.
        ignore_color: RGB of the ignored pixels.

    Raises:
        ValueError: If ``labels`` is no integer map (H, W), or holds a label without a colour.

    Example:
        >>> label_to_rgb(np.array([[1, 0, 255]]), [(128, 64, 128), (70, 130, 180)]).tolist()
        [[[70, 130, 180], [128, 64, 128], [0, 0, 0]]]
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f'labels must be integers of the shape (H, W), got {labels.dtype} of {labels.shape}')
    is_ignored = labels == IGNORE_INDEX
    unknown = ~is_ignored & ((labels < 0) | (labels >= len(palette)))
    if unknown.any():
        raise ValueError(f'label {labels[unknown][0]} has no colour: the palette has {len(palette)}')
    colors = np.array([*palette, ignore_color], np.uint8)  # the last row is the ignored pixels'
    return colors[np.where(is_ignored, len(palette), labels)]


def mask_to_rgb(mask: np.ndarray) -> np.ndarray:
    """Draw a validity mask as (H, W, 3), uint8, RGB: True (keep) is white, False black.

    Args:
        mask: (H, W), bool.

    Raises:
        ValueError: If ``mask`` is not bool of the shape (H, W).

    Example:
        >>> mask_to_rgb(np.array([[True, False]])).tolist()
        [[[255, 255, 255], [0, 0, 0]]]
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f'a mask must be bool of the shape (H, W), got {mask.dtype} of {mask.shape}')
    return np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 3, axis=2)


LegendItem = tuple[str, Sequence[int]]
BORDER = (208, 215, 222)  # of patches and panels, RGB


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
        canvas.rectangle((x, y, x + patch, y + patch), fill=(red, green, blue), outline=BORDER)
        text = shortened(name, size, usable // columns - 1.6 * patch)
        draw_text(canvas, x + 1.5 * patch, y + 0.86 * patch, text, size)
    return np.asarray(image)
