"""Bytes from disk to arrays, with errors that name the file."""

import io

import cv2
import mmcv
import numpy as np
from mmengine import fileio
from PIL import Image

ADVICE = 'Is the download complete? Fetch the file again, or take it off the list.'


def read_bytes(path: str, what: str, backend_args: dict | None = None) -> bytes:
    """Read a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty.
    """
    try:
        content = fileio.get(path, backend_args=backend_args)
    except FileNotFoundError as error:
        raise FileNotFoundError(f'no such {what}: {path}') from error
    if not content:
        raise ValueError(f'{what} {path} is an empty file. {ADVICE}')
    return content


def read_image(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read a colour image.

    Pillow decodes it: OpenCV returns the rest of a truncated file as grey without saying so.

    Returns:
        (H, W, 3), uint8, BGR.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded.
    """
    content = read_bytes(path, 'image', backend_args)
    try:
        return np.ascontiguousarray(mmcv.imfrombytes(content, backend='pillow'))
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f'image {path} cannot be decoded: {error}. {ADVICE}') from error


def read_index_label(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read a PNG whose grey values or palette indices are raw ids.

    Returns:
        (H, W), uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded, or is no single-channel image of 8 bits.
    """
    content = read_bytes(path, 'label', backend_args)
    try:
        with Image.open(io.BytesIO(content)) as image:
            mode, raw = image.mode, np.array(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f'label {path} cannot be decoded: {error}. {ADVICE}') from error
    if mode not in ('L', 'P'):
        raise ValueError(
            f'label {path} has the mode {mode!r} (array {raw.shape}); expected one 8-bit channel of raw ids, grey or '
            'palette indices. Use the label-id files as downloaded, not colour renderings or converted copies.'
        )
    return raw


def read_red_label(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Read a PNG of 8 or 16 bits whose red channel holds raw ids (SYNTHIA).

    Returns:
        (H, W), uint8 or uint16.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded, or has no red channel.
    """
    content = read_bytes(path, 'label', backend_args)
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    # OpenCV fills up what a truncated PNG lacks with zeros, which would pass for void.
    if decoded is None or (content.startswith(b'\x89PNG') and b'IEND' not in content[-16:]):
        raise ValueError(f'label {path} cannot be decoded. {ADVICE}')
    if decoded.ndim != 3 or decoded.shape[2] < 3 or decoded.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f'label {path} is an array {decoded.shape} of {decoded.dtype}; expected 3 channels with the raw id in red. '
            'Use the files of GT/LABELS as downloaded.'
        )
    return decoded[..., 2]
