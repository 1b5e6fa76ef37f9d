"""Images and labels from disk to arrays and back, with errors that name the file."""

from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import ImageOps

from .atomic import write_atomically
from .freed_memory import keep_freed_memory
from .pictures import Picture, decode, decode_deep, decode_png
from .reading import read_bytes

LABEL_ENCODINGS = ('index', 'red16')  # how label files hold raw ids, see ``check_label``
COLOURS = ('RGB',)  # what an image may hold, unless its data set says otherwise

_LABEL_COLOURS = {(8, 'grey'), *((bits, 'palette') for bits in (1, 2, 4, 8))}  # Pillow rescales grey of fewer bits
_RED_COLOURS = {(8, 'RGB'), (8, 'RGBA'), (16, 'RGB'), (16, 'RGBA')}


def read_image(path: str, backend_args: dict | None = None, colours: Collection[str] = COLOURS) -> np.ndarray:
    """Read a colour image, whole or not at all, see ``decode``: (H, W, 3), uint8, BGR.

    Args:
        path: The file: PNG, JPEG, BMP or WebP, of 8 bits a channel.
        backend_args: File backend of mmengine; the local disk by default.
        colours: What the file may hold, among those of ``Picture``. A grey image is repeated in all channels; an alpha
            channel is dropped and must be opaque.

    Raises:
        OSError: If it is not there, is a folder, or may not be read.
        ValueError: If it cannot be decoded, is damaged, or of other colours or bits.
    """
    keep_freed_memory()
    content = read_bytes(path, 'image', backend_args)
    if 'RGB' in colours and (pixels := decode_png(path, 'image', content)) is not None:
        return pixels
    picture, image = decode(path, 'image', content)
    check_image(path, picture, colours)
    ImageOps.exif_transpose(image, in_place=True)  # as mmcv does; otherwise it copies what is upright
    if picture.colours == 'RGBA' and np.asarray(image.getchannel('A')).min() < 255:
        raise ValueError(f'image {path} is transparent in places; expected an opaque image.')
    pixels = np.asarray(image if image.mode == 'RGB' else image.convert('RGB'))  # which would copy
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)  # in a tenth of the time of NumPy's turned view


def write_image(path: str | Path, image: np.ndarray, options: Sequence[int] = ()) -> None:
    """Write an image or a label map, whole or not at all.

    Args:
        path: File to write; its ending says the format. Its folder is made if needed.
        image: (H, W) grey values or indices, or (H, W, 3) RGB; uint8, or uint16 into a PNG.
        options: Flags of ``cv2.imwrite`` and their values, in turn.

    Raises:
        ValueError: If the ending is that of no picture.
        OSError: If it cannot be written.
    """
    if not is_image_name(path):
        raise ValueError(f'{path} is no name of a picture; let it end in .png')
    stored = image[..., ::-1] if image.ndim == 3 else image  # OpenCV's order is BGR
    write_atomically(cv2.imencode(Path(path).suffix, stored, options)[1].tobytes(), path)


def is_image_name(path: str | Path) -> bool:
    """Whether a file name ends like a picture that can be written."""
    return cv2.haveImageWriter(f'a{Path(path).suffix}')


def check_image(path: str, picture: Picture, colours: Collection[str] = COLOURS) -> None:
    """Compare what an image says that it holds with what is wanted.

    Raises:
        ValueError: If it has other colours or more bits.
    """
    has_bits = picture.bits == 8 or picture.colours == 'palette'  # whose indices may have fewer, its colours have 8
    if not has_bits or picture.colours not in colours:
        raise ValueError(
            f'image {path} is {picture}; expected 8-bit {" or ".join(colours)}. Use the images as downloaded, not '
            'labels, depth maps or converted copies.'
        )


def read_index_label(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read a PNG whose grey values or palette indices are raw ids: (H, W), uint8.

    Raises:
        OSError: If it is not there, is a folder, or may not be read.
        ValueError: If it cannot be decoded, is damaged, or is no single-channel PNG of 8 bits.
    """
    picture, image = decode(path, 'label', read_bytes(path, 'label', backend_args))
    check_label(path, picture, 'index')
    return np.array(image)


def read_red_label(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read a PNG of 8 or 16 bits whose red channel holds raw ids (SYNTHIA): (H, W), uint8 or uint16.

    Raises:
        OSError: If it is not there, is a folder, or may not be read.
        ValueError: If it cannot be decoded, is damaged, or has no red channel.
    """
    picture, stored = decode_deep(path, 'label', read_bytes(path, 'label', backend_args))
    check_label(path, picture, 'red16')
    return stored[..., 2]


def check_label(path: str, picture: Picture, encoding: str) -> None:
    """Compare what a label says that it holds with what its encoding ('index' or 'red16') needs.

    Raises:
        ValueError: If it is no PNG, or has other colours or bits.
    """
    wanted = _LABEL_COLOURS if encoding == 'index' else _RED_COLOURS
    if picture.kind == 'PNG' and (picture.bits, picture.colours) in wanted:
        return
    expected = (
        'one 8-bit channel of raw ids, a PNG of grey values or palette indices'
        if encoding == 'index'
        else '3 channels with the raw id in red, a PNG of 8 or 16 bits'
    )
    raise ValueError(
        f'label {path} is {picture}; expected {expected}. Use the label-id files as downloaded, not colour '
        'renderings or converted copies.'
    )
