"""Optical flow on disk: Middlebury ``.flo`` files."""

from pathlib import Path

import numpy as np

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.ops import UNKNOWN_FLOW

_MAGIC = np.float32(202021.25)
_HEADER_BYTES = 12
_UNKNOWN_MARK = 1e10


def write_flo(path: str | Path, flow: np.ndarray) -> Path:
    """Write a flow field as a Middlebury ``.flo`` file, making the folder if needed.

    Args:
        path: File to write.
        flow: (H, W, 2), any float type, pixels; channel 0 is x to the right, 1 is y down. Stored as little-endian
            float32; what is not finite, as the format's mark for unknown flow.

    Raises:
        ValueError: If ``flow`` is not of shape (H, W, 2).
    """
    path, flow = Path(path), np.asarray(flow)
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f'Cannot write {path}: a flow field has the shape (H, W, 2), but got {flow.shape}.')
    height, width = flow.shape[:2]
    marked = np.where(known(flow)[..., None], flow, _UNKNOWN_MARK)
    header = _MAGIC.astype('<f4').tobytes() + np.array([width, height], '<i4').tobytes()
    write_atomically(header + np.ascontiguousarray(marked, '<f4').tobytes(), path)
    return path


def read_flo(path: str | Path) -> np.ndarray:
    """Read a Middlebury ``.flo`` file.

    Returns:
        (H, W, 2), float32, pixels; channel 0 is x to the right, 1 is y down. NaN where the file marks the flow as
        unknown (a component of more than 1e9) or holds no number.

    Raises:
        ValueError: If the file is no ``.flo`` file, or its length does not fit the size that it states.
    """
    path = Path(path)
    data = path.read_bytes()
    if len(data) < _HEADER_BYTES or np.frombuffer(data, '<f4', count=1)[0] != _MAGIC:
        raise ValueError(f'{path} is not a Middlebury .flo file: it does not start with the number {_MAGIC}.')
    width, height = (int(value) for value in np.frombuffer(data, '<i4', count=2, offset=4))
    if width < 1 or height < 1:
        raise ValueError(f'{path} states an impossible size: {width} x {height} pixels. Write it again.')
    expected = _HEADER_BYTES + 8 * width * height
    if len(data) != expected:
        raise ValueError(
            f'{path} is damaged: a flow field of {width} x {height} pixels takes {expected} bytes, '
            f'but the file has {len(data)}. Write it again.'
        )
    flow = np.frombuffer(data, '<f4', offset=_HEADER_BYTES).reshape(height, width, 2)
    return np.where(known(flow)[..., None], flow, np.float32(np.nan))


def known(flow: np.ndarray) -> np.ndarray:
    """Tell where a flow field (H, W, 2) is known, (H, W) bool: both components finite and no more than 1e9 pixels."""
    return (np.abs(flow) <= UNKNOWN_FLOW).all(axis=-1)
