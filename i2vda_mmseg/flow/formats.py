"""Optical flow in the formats that circulate: Middlebury's, files of DA-VSN and KITTI, whatever a suffix says."""

from pathlib import Path
from typing import Any

import numpy as np

from i2vda_mmseg.fileio.atomic import atomic_file, write_atomically
from i2vda_mmseg.fileio.images import write_image
from i2vda_mmseg.fileio.pictures import decode_deep
from i2vda_mmseg.ops import UNKNOWN_FLOW

from .packed import SUFFIX, read_packed

_FLO_MAGIC, _FLO_HEADER_BYTES, _FLO_UNKNOWN = np.float32(202021.25), 12, 1e10
_DAVSN_SCALE = 10
_KITTI_SCALE, _KITTI_ZERO = 64, 1 << 15


def read_flow(path: str | Path) -> np.ndarray:
    """Read a flow field; its suffix says how.

    ``.flo`` is Middlebury's format, ``.npy`` DA-VSN's, ``.png`` KITTI's and ``.i2vflow`` that of the flow cache.

    Returns:
        (H, W, 2), float32, pixels; channel 0 is x to the right, 1 is y down. NaN where a KITTI file
        is not valid, or a ``.flo`` file is marked as unknown.

    Raises:
        ValueError: If the suffix is unknown, or the file is damaged or of another kind.
    """
    path = Path(path)
    if path.suffix not in _READERS:
        raise ValueError(f'Cannot read {path}: flow is read from {", ".join(sorted(_READERS))} files.')
    return _READERS[path.suffix](path)


def write_flo(path: str | Path, flow: np.ndarray) -> Path:
    """Write a flow field as a Middlebury ``.flo`` file, making the folder if needed.

    Args:
        path: File to write.
        flow: (H, W, 2), any float type, pixels; channel 0 is x to the right, 1 is y down. Stored as little-endian
            float32; what is not finite, as the format's mark for unknown flow.

    Raises:
        ValueError: If ``flow`` is not of shape (H, W, 2).
    """
    path, flow = _checked(path, flow)
    height, width = flow.shape[:2]
    marked = np.where(known(flow)[..., None], flow, _FLO_UNKNOWN)
    header = _FLO_MAGIC.astype('<f4').tobytes() + np.array([width, height], '<i4').tobytes()
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
    if len(data) < _FLO_HEADER_BYTES or np.frombuffer(data, '<f4', count=1)[0] != _FLO_MAGIC:
        raise ValueError(f'{path} is not a Middlebury .flo file: it does not start with the number {_FLO_MAGIC}.')
    width, height = (int(value) for value in np.frombuffer(data, '<i4', count=2, offset=4))
    if width < 1 or height < 1:
        raise ValueError(f'{path} states an impossible size: {width} x {height} pixels. Write it again.')
    expected = _FLO_HEADER_BYTES + 8 * width * height
    if len(data) != expected:
        raise ValueError(
            f'{path} is damaged: a flow field of {width} x {height} pixels takes {expected} bytes, '
            f'but the file has {len(data)}. Write it again.'
        )
    flow = np.frombuffer(data, '<f4', offset=_FLO_HEADER_BYTES).reshape(height, width, 2)
    return np.where(known(flow)[..., None], flow, np.float32(np.nan))


def known(flow: np.ndarray) -> np.ndarray:
    """Tell where a flow field (H, W, 2) is known, (H, W) bool: both components finite and no more than 1e9 pixels."""
    return (np.abs(flow) <= UNKNOWN_FLOW).all(axis=-1)


def read_davsn(path: str | Path) -> np.ndarray:
    """Read a file of DA-VSN (Guan et al., ICCV 2021): ``.npy``, int16, tenths of a pixel.

    DA-VSN's files, ``*_int16_x10.npy``, hold the flow from the current to the previous frame, on the current grid.

    Returns:
        (H, W, 2), float32, pixels; channel 0 is x to the right, 1 is y down.

    Raises:
        ValueError: If the file is damaged or holds anything else.
    """
    flow = _load_array(Path(path))
    if not isinstance(flow, np.ndarray) or flow.dtype != np.int16 or flow.ndim != 3 or flow.shape[2] != 2:
        found = f'{flow.dtype} of {flow.shape}' if isinstance(flow, np.ndarray) else 'an archive of arrays'
        raise ValueError(f"{path} holds {found}; DA-VSN's flow is int16 (tenths of a pixel) of (H, W, 2).")
    return flow / np.float32(_DAVSN_SCALE)


def write_davsn(path: str | Path, flow: np.ndarray) -> Path:
    """Write a flow field as DA-VSN's ``.npy`` of int16, tenths of a pixel, making the folder if needed.

    Args:
        path: File to write, ending in ``.npy``.
        flow: (H, W, 2), any float type, pixels.

    Raises:
        ValueError: If the field has another shape, is not finite or is beyond 3276.7 px, or the suffix is another.
    """
    path, flow = _checked(path, flow, '.npy')
    steps = np.rint(flow.astype(np.float64) * _DAVSN_SCALE)
    _refuse_outside(path, flow, steps, np.iinfo(np.int16).min, np.iinfo(np.int16).max)
    with atomic_file(path) as draft, draft.open('wb') as file:
        np.save(file, steps.astype('<i2'))
    return path


def read_kitti(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a KITTI flow file: a 16-bit RGB png of (u * 64 + 2^15, v * 64 + 2^15, valid).

    Returns:
        Flow (H, W, 2), float32, pixels, 0 where not valid; and its validity, (H, W), bool.

    Raises:
        ValueError: If the file is damaged or holds anything else.
    """
    path = Path(path)
    picture, image = decode_deep(str(path), 'flow', path.read_bytes())
    if (picture.kind, *picture[-2:]) != ('PNG', 16, 'RGB'):
        raise ValueError(f"{path} is {picture}; KITTI's flow is a 16-bit RGB PNG.")
    valid = image[..., 0] > 0  # OpenCV reverses the channels
    flow = (image[..., 2:0:-1].astype(np.float32) - _KITTI_ZERO) / _KITTI_SCALE
    return flow * valid[..., None], valid


def write_kitti(path: str | Path, flow: np.ndarray, valid: np.ndarray | None = None) -> Path:
    """Write a flow field as a KITTI 16-bit png, in steps of 1/64 px, making the folder if needed.

    Args:
        path: File to write, ending in ``.png``.
        flow: (H, W, 2), any float type, pixels.
        valid: (H, W), bool; None: everywhere. Not finite flow is allowed where False.

    Raises:
        ValueError: If the field has another shape, is not finite or is beyond 512 px, or the suffix is another.
    """
    path, flow = _checked(path, flow, '.png')
    valid = np.ones(flow.shape[:2], bool) if valid is None else np.asarray(valid, bool)
    flow = np.where(valid[..., None], flow, 0)
    steps = np.rint(flow.astype(np.float64) * _KITTI_SCALE) + _KITTI_ZERO
    _refuse_outside(path, flow, steps, 0, np.iinfo(np.uint16).max)
    write_image(path, np.concatenate([steps * valid[..., None], valid[..., None]], axis=-1).astype(np.uint16))
    return path


def _read_kitti_or_nan(path: Path) -> np.ndarray:
    flow, valid = read_kitti(path)
    flow[~valid] = np.nan
    return flow


_READERS = {'.flo': read_flo, '.npy': read_davsn, '.png': _read_kitti_or_nan, SUFFIX: lambda path: read_packed(path)[0]}


def _load_array(path: Path) -> Any:
    """Load an array of a file that holds it and nothing else, and never run what a pickle says."""
    try:
        # Mapped first: the header may ask for more memory than the file has bytes.
        mapped = None if _is_archive(path) else np.load(path, mmap_mode='r', allow_pickle=False)
        if mapped is not None and mapped.offset + mapped.nbytes != path.stat().st_size:
            raise ValueError(f'it states an array of {mapped.shape}, which does not fit the length of the file')
        return np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise
    except Exception as error:  # NumPy parses the header as Python source: anything may come
        raise ValueError(f'{path} cannot be read as a NumPy array: {error}') from error


def _is_archive(path: Path) -> bool:
    with path.open('rb') as file:
        return file.read(2) == b'PK'


def _checked(path: str | Path, flow: np.ndarray, suffix: str = '') -> tuple[Path, np.ndarray]:
    path, flow = Path(path), np.asarray(flow)
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f'Cannot write {path}: a flow field has the shape (H, W, 2), but got {flow.shape}.')
    if suffix and path.suffix != suffix:
        raise ValueError(f'Cannot write {path}: the name must end in {suffix}.')
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, flow


def _refuse_outside(path: Path, flow: np.ndarray, steps: np.ndarray, low: int, high: int) -> None:
    if not np.isfinite(steps).all():
        raise ValueError(f'Cannot write {path}: the flow field holds values that are not finite.')
    if steps.min() < low or steps.max() > high:
        raise ValueError(f'Cannot write {path}: the flow reaches {np.abs(flow).max():.1f} px, beyond this format.')
