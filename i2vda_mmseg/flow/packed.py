"""The file format of the flow cache: one flow field in fixed point, with all that says what it is."""

import dataclasses
import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.pictures import check_size

SUFFIX = '.i2vflow'
VERSION = 1
SCALE = 64  # steps a pixel: what is read is at most 1/128 px off

_MAGIC = b'I2VDAFLO'
_PREFIX = struct.Struct('<8sHIQ')  # magic, version, bytes of the header, bytes of the payload
_DIGEST_BYTES = 16
_INT16 = np.iinfo(np.int16)


@dataclasses.dataclass(frozen=True)
class FlowHeader:
    """What a flow field is."""

    id_a: str  # path of frame a, relative to the data root. The field lives on a's grid
    id_b: str  # path of frame b: the field says where each pixel of a is in b
    height: int  # of the frames that the flow was estimated on, in pixels
    width: int  # the same
    estimator: str  # fingerprint of the estimator and its weights
    scale: int = SCALE  # steps of the fixed-point numbers a pixel
    direction: str = 'from id_a to id_b, on the grid of id_a, pixels, x then y'  # in words; one value exists
    view: str = ''  # what frame a looked like, see ``flow.view``; '' where it was not said


def write_packed(path: str | Path, flow: np.ndarray, header: FlowHeader) -> int:
    """Write a flow field as fixed-point numbers of 1/64 px, predicted from the left and compressed.

    Args:
        path: File to write; its folder is made if needed.
        flow: (H, W, 2), any float type, pixels, channel 0 is x to the right, 1 is y down.
        header: What the field is.

    Returns:
        Size of the file in bytes.

    Raises:
        ValueError: If the field is not of the header's size, is not finite, or is beyond 16 bits.
    """
    path, flow = Path(path), np.asarray(flow)
    if flow.shape != (header.height, header.width, 2):
        raise ValueError(
            f'Cannot write {path}: it is for a flow field of {header.height}x{header.width} (H x W), '
            f'but got an array of the shape {flow.shape}.'
        )
    payload = zlib.compress(_predicted(_fixed_point(flow, header.scale, path)), 6)
    text = json.dumps(dataclasses.asdict(header), sort_keys=True, ensure_ascii=False).encode()
    data = _PREFIX.pack(_MAGIC, VERSION, len(text), len(payload)) + text + payload
    write_atomically(data + _digest(data), path)
    return len(data) + _DIGEST_BYTES


def read_packed(path: str | Path) -> tuple[np.ndarray, FlowHeader]:
    """Read a file of ``write_packed``.

    Returns:
        The flow, (H, W, 2), float32, pixels; and what it is.

    Raises:
        ValueError: If the file is of another kind or version, truncated, or not what was written.
    """
    header, payload = _open(Path(path))
    count = 2 * header.height * header.width
    unpacked = _unpack(Path(path), payload, 2 * count)
    planes = np.frombuffer(unpacked, np.uint8).astype(np.uint16).reshape(2, -1)
    zigzag = (planes[0] | planes[1] << 8).reshape(2, header.height, header.width)
    steps = (zigzag >> 1) ^ (0 - (zigzag & 1))
    numbers = np.cumsum(steps, axis=-1, dtype=np.uint16).view(np.int16)
    return (numbers / np.float32(header.scale)).transpose(1, 2, 0), header


def read_packed_header(path: str | Path) -> FlowHeader:
    """Read what a file of ``write_packed`` holds; the whole file is checked, the field is not unpacked.

    Raises:
        ValueError: As ``read_packed``.
    """
    return _open(Path(path))[0]


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


def _fixed_point(flow: np.ndarray, scale: int, path: Path) -> np.ndarray:
    """Round to int16, (2, H, W)."""
    if not np.isfinite(flow).all():
        raise ValueError(f'Cannot write {path}: the flow field holds values that are not finite.')
    steps = np.rint(flow.transpose(2, 0, 1).astype(np.float64) * scale)
    if steps.min() < _INT16.min or steps.max() > _INT16.max:
        raise ValueError(
            f'Cannot write {path}: the flow reaches {np.abs(flow).max():.1f} px, but at 1/{scale} px the format ends '
            f'at {_INT16.max / scale:.1f} px. Such a flow is most likely wrong; look at the estimator and its weights.'
        )
    return steps.astype(np.int16)


def _predicted(numbers: np.ndarray) -> bytes:
    """Differences from the left neighbour, signs in the lowest bit, low bytes before high bytes: all for zlib."""
    steps = np.diff(numbers, axis=-1, prepend=np.int16(0))
    zigzag = ((steps << 1) ^ (steps >> 15)).view(np.uint16)
    return (zigzag & 255).astype(np.uint8).tobytes() + (zigzag >> 8).astype(np.uint8).tobytes()


def _unpack(path: Path, payload: memoryview, expected: int) -> bytes:
    """Decompress as many bytes as the header promises, never more: a few bytes can unpack to gigabytes."""
    decompressor = zlib.decompressobj()
    try:
        unpacked = decompressor.decompress(payload, expected + 1)
    except zlib.error as error:
        raise ValueError(f'{path} is damaged: {error}. Delete it.') from error
    if len(unpacked) != expected or not decompressor.eof:
        raise ValueError(f'{path} is damaged: it does not hold the {expected // 2} numbers of its size. Delete it.')
    return unpacked


def _open(path: Path) -> tuple[FlowHeader, memoryview]:
    """Check a file from end to end; its header and its payload."""
    data = memoryview(path.read_bytes())
    advice = 'Delete it, and make it again with tools/precompute_flow.py --resume.'
    if len(data) < _PREFIX.size:
        raise ValueError(f'{path} is truncated: it has {len(data)} bytes only. {advice}')
    magic, version, header_bytes, payload_bytes = _PREFIX.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError(f'{path} is no file of a flow cache: it does not start with {_MAGIC!r}. {advice}')
    if version != VERSION:
        raise ValueError(f'{path} is of version {version} of the format, but this release reads {VERSION}. {advice}')
    expected = _PREFIX.size + header_bytes + payload_bytes + _DIGEST_BYTES
    if len(data) != expected:
        what = 'truncated' if len(data) < expected else 'damaged'
        raise ValueError(f'{path} is {what}: it states {expected} bytes, but has {len(data)}. {advice}')
    if _digest(data[:-_DIGEST_BYTES]) != data[-_DIGEST_BYTES:]:
        raise ValueError(f'{path} is damaged: its checksum does not fit what it holds. {advice}')
    try:
        header = FlowHeader(**json.loads(bytes(data[_PREFIX.size : _PREFIX.size + header_bytes])))
        for number in (header.height, header.width, header.scale):
            if not isinstance(number, int):
                raise TypeError(f'{number!r} is no whole number')
        check_size(header.width, header.height)
    except (TypeError, ValueError) as error:
        raise ValueError(f'{path} has a header that cannot be read ({error}). {advice}') from error
    if header.direction != FlowHeader.direction or header.scale < 1:
        raise ValueError(f'{path} holds a flow {header.direction!r} in steps of 1/{header.scale} px. {advice}')
    return header, data[_PREFIX.size + header_bytes : -_DIGEST_BYTES]
