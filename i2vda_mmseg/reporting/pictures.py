"""Pictures inside the page, as data URIs."""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from i2vda_mmseg.visualization.label_colors import IGNORE_INDEX

_QUALITY = 82


class Picture(NamedTuple):
    """A picture with its caption."""

    caption: str  # one line; ``I_{10}`` writes 10 as a subscript
    uri: str  # its data URI
    width: int  # in pixels
    height: int  # in pixels
    sharp: bool = False  # whether it must be shown without blending: labels and masks
    key: str = ''  # what its colours mean: the name of a legend of the page, or ''


def photo_picture(caption: str, image: np.ndarray, max_width: int) -> Picture:
    """Show an image (H, W, 3), uint8, RGB."""
    small = shrink(image, max_width)
    return Picture(caption, encode_photo(small), small.shape[1], small.shape[0])


def sharp_picture(caption: str, image: np.ndarray, max_width: int, key: str = '') -> Picture:
    """Show an image of few colours, (H, W, 3), uint8, RGB."""
    small = shrink(image, max_width, sharp=True)
    return Picture(caption, encode_sharp(small), small.shape[1], small.shape[0], True, key)


def label_picture(
    caption: str, labels: np.ndarray, palette: Sequence[Sequence[int]], max_width: int, key: str
) -> Picture:
    """Show labels (H, W), uint8, in their colours."""
    small = shrink(labels, max_width, sharp=True)
    return Picture(caption, encode_labels(small, palette), small.shape[1], small.shape[0], True, key)


def marked_picture(caption: str, image: np.ndarray, max_width: int, key: str) -> Picture:
    """Show an image (H, W, 3), uint8, RGB, with marked pixels, whose colours are kept apart from their neighbours'."""
    small = shrink(image, max_width, sharp=True)
    uri = _uri(Image.fromarray(np.ascontiguousarray(small)), 'JPEG', quality=_QUALITY, subsampling=0)
    return Picture(caption, uri, small.shape[1], small.shape[0], True, key)


def shrink(image: np.ndarray, max_width: int, sharp: bool = False) -> np.ndarray:
    """Make an image (H, W, ...) at most ``max_width`` wide, aspect ratio kept; a narrower one stays as it is.

    With ``sharp``, the nearest pixel is taken and nothing is blended: labels and masks.
    """
    height, width = image.shape[:2]
    if width <= max_width:
        return image
    size = (max_width, max(1, round(height * max_width / width)))
    return cv2.resize(image, size, interpolation=cv2.INTER_NEAREST if sharp else cv2.INTER_AREA)


def encode_photo(image: np.ndarray) -> str:
    """Give the data URI of a JPEG of an image (H, W, 3), uint8, RGB."""
    return _uri(Image.fromarray(np.ascontiguousarray(image)), 'JPEG', quality=_QUALITY)


def encode_labels(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> str:
    """Give the data URI of a PNG of labels (H, W), uint8, in their colours; ignored pixels are black."""
    colours = np.zeros((IGNORE_INDEX + 1, 3), np.uint8)
    colours[: len(palette)] = np.asarray(palette, np.uint8)
    image = Image.fromarray(np.ascontiguousarray(labels.astype(np.uint8)), mode=None)
    image.putpalette(colours.ravel().tolist())
    return _uri(image, 'PNG', optimize=True)


def encode_sharp(image: np.ndarray) -> str:
    """Give the data URI of a PNG of an image of few colours (H, W, 3), uint8, RGB."""
    return _uri(Image.fromarray(np.ascontiguousarray(image)), 'PNG', optimize=True)


def _uri(image: Image.Image, kind: str, **options: int | bool) -> str:
    file = BytesIO()
    image.save(file, kind, **options)
    return f'data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}'
