"""What the bytes of a PNG or JPEG file say about themselves, before a decoder makes up what they lack."""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

MAX_PIXELS = 1 << 26  # twice the pixels of an 8K frame; larger ones are bombs or damage

_PNG_MAGIC = b'\x89PNG\r\n\x1a\n'
_JPEG_MAGIC = b'\xff\xd8\xff'
_PNG_COLOURS = {0: ('grey', 1), 2: ('RGB', 3), 3: ('palette', 1), 4: ('grey with alpha', 2), 6: ('RGBA', 4)}
_JPEG_COLOURS = {1: 'grey', 3: 'RGB', 4: 'CMYK'}
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_MARKER = re.compile(rb'\xff+([^\x00\xff])')
_SCAN, _END, _RESTARTS, _INTERVAL = 0xDA, 0xD9, range(0xD0, 0xD8), 0xDD


class Picture(NamedTuple):
    """What a file says that it holds.

    Attributes:
        kind: 'PNG' or 'JPEG' (or what Pillow calls the format, where it was asked).
        width: In pixels.
        height: In pixels.
        bits: Bits a channel.
        colours: 'grey', 'RGB', 'palette', 'grey with alpha', 'RGBA' or 'CMYK'.
    """

    kind: str
    width: int
    height: int
    bits: int
    colours: str

    def __str__(self) -> str:
        return f'a {self.kind} of {self.bits}-bit {self.colours}'


def inspect_picture(data: bytes, inflate: bool = False) -> Picture:
    """Follow a PNG or JPEG file from its first byte to its end.

    Of a PNG, the checksum of every chunk is verified: a single flipped bit is found. JPEG has no checksums: what is
    verified is the chain of its segments, the order of its restart markers and that it ends with its end marker;
    flipped bits between two markers cannot be told from the file.

    Args:
        data: The whole file.
        inflate: Also unpack the pixels of a PNG and compare their number and checksum with the header, for decoders
            (OpenCV) that fill up what is missing.

    Raises:
        ValueError: With what is wrong, without the file's name.

    Example:
        >>> inspect_picture(b'GIF89a')
        Traceback (most recent call last):
        ValueError: it starts like no PNG and no JPEG file
    """
    if data.startswith(_PNG_MAGIC):
        return _inspect_png(data, inflate)
    if data.startswith(_JPEG_MAGIC):
        return _inspect_jpeg(data)
    raise ValueError('it starts like no PNG and no JPEG file')


def inspect_ends(head: bytes, tail: bytes) -> Picture:
    """Look at the two ends of a file only: its header, and whether it stops where such a file stops.

    Args:
        head: The first 64 KiB or more, or the whole file.
        tail: The last 32 bytes or more.

    Raises:
        ValueError: With what is wrong, without the file's name.
    """
    if head.startswith(_PNG_MAGIC):
        if b'IEND' not in tail:
            raise ValueError('it is truncated: a PNG ends with the chunk IEND')
        return _png_header(dict(_png_chunks(head[:33])).get(b'IHDR', b''))[0]
    if head.startswith(_JPEG_MAGIC):
        if b'\xff\xd9' not in tail:
            raise ValueError('it is truncated: a JPEG ends with the marker FF D9')
        for marker, segment, _ in _jpeg_segments(head):
            if marker in _JPEG_FRAMES:
                return _jpeg_header(segment)
        raise ValueError('its header is damaged: it states no size')
    raise ValueError('it starts like no PNG and no JPEG file')


def check_size(width: int, height: int) -> None:
    """Refuse a size that no data set has.

    Raises:
        ValueError: If a side is 0, or there are more than ``MAX_PIXELS``.
    """
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise ValueError(f'it states an impossible size, {width}x{height} pixels (at most {MAX_PIXELS} are read)')


def _inspect_png(data: bytes, inflate: bool) -> Picture:
    header, packed, last = b'', [], b''
    for kind, content in _png_chunks(data):
        header = header or (content if kind == b'IHDR' else b'')
        if kind == b'IDAT':
            packed.append(content)
        last = kind
    if last != b'IEND':
        raise ValueError('it is truncated: a PNG ends with the chunk IEND')
    picture, row_bytes, interlaced = _png_header(header)
    if inflate:
        _inflate(packed, picture.height * row_bytes, interlaced)
    return picture


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give kind and content of each chunk up to IEND, each with a checksum that fits."""
    position = len(_PNG_MAGIC)
    while position < len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], 'big')
        if end > len(data):
            raise ValueError('it is truncated: its picture data end early')
        if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], 'big'):
            raise ValueError(f'its data do not fit their checksum (chunk at byte {position})')
        kind = data[position + 4 : position + 8]
        yield kind, data[position + 8 : end - 4]
        if kind == b'IEND':
            return
        position = end


def _png_header(header: bytes) -> tuple[Picture, int, bool]:
    """Give the picture, the bytes of a row with its filter byte, and whether it is interlaced."""
    if len(header) != 13:
        raise ValueError('its header is damaged: it has no chunk IHDR')
    width, height, bits, colour, _, _, interlace = struct.unpack('>IIBBBBB', header)
    check_size(width, height)
    if colour not in _PNG_COLOURS or bits not in (1, 2, 4, 8, 16):
        raise ValueError(f'its header is damaged: it states {bits} bits and colour type {colour}')
    colours, channels = _PNG_COLOURS[colour]
    return Picture('PNG', width, height, bits, colours), 1 + (width * channels * bits + 7) // 8, bool(interlace)


def _inflate(packed: list[bytes], expected: int, interlaced: bool) -> None:
    decompressor = zlib.decompressobj()
    try:
        # Interlaced rows are more and shorter; one byte more than expected is enough to see too many.
        size = len(decompressor.decompress(b''.join(packed), (2 if interlaced else 1) * expected + 1))
    except zlib.error as error:
        raise ValueError(f'its picture data are damaged: {error}') from error
    if not decompressor.eof or (not interlaced and size != expected):
        raise ValueError(f'its picture data do not fit its size: {size} bytes or more, expected {expected}')


def _inspect_jpeg(data: bytes) -> Picture:
    picture, interval, end = None, 0, 0
    for marker, segment, position in _jpeg_segments(data):
        if marker in _JPEG_FRAMES:
            picture = _jpeg_header(segment)
        elif marker == _INTERVAL:
            interval = int.from_bytes(segment[:2], 'big')
        elif marker == _SCAN:
            _check_restarts(data, position, interval)
        elif marker == _END:
            end = position
    if not end:
        raise ValueError('it is truncated: a JPEG ends with the marker FF D9')
    if picture is None:
        raise ValueError('its header is damaged: it states no size')
    if data.endswith(b'\xff\xd9') and end != len(data):
        raise ValueError(f'it is damaged: an end marker in the middle of its picture data (byte {end})')
    return picture


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Give marker, content and the position behind it, up to the end marker; scans are stepped over."""
    position = 2
    while position + 2 <= len(data):
        found = _JPEG_MARKER.match(data, position)
        if not found:
            raise ValueError(f'it is damaged: no segment where one should begin (byte {position})')
        marker, position = found[1][0], found.end()
        if marker == _END:
            yield marker, b'', position
            return
        size = int.from_bytes(data[position : position + 2], 'big')
        if size < 2 or position + size > len(data):
            raise ValueError(f'it is truncated or damaged: a segment of {size} bytes at byte {position}')
        yield marker, data[position + 2 : position + size], position + size
        position += size
        if marker == _SCAN:
            position = next((match.start() for match in _markers(data, position)), len(data))


def _markers(data: bytes, position: int, restarts: bool = False) -> Iterator[re.Match[bytes]]:
    """Find the markers behind a scan's header: restart markers inside the scan, or those that end it."""
    for match in _JPEG_MARKER.finditer(data, position):
        is_restart = match[1][0] in _RESTARTS
        if restarts and not is_restart:
            return
        if restarts == is_restart:
            yield match


def _check_restarts(data: bytes, position: int, interval: int) -> None:
    for number, match in enumerate(_markers(data, position, restarts=True)):
        if not interval or match[1][0] != _RESTARTS[number % 8]:
            raise ValueError(f'it is damaged: a marker that does not belong there (byte {match.start()})')


def _jpeg_header(segment: bytes) -> Picture:
    if len(segment) < 6 or segment[5] not in _JPEG_COLOURS:
        raise ValueError('its header is damaged: it states no number of channels that a JPEG can have')
    bits, height, width = struct.unpack('>BHH', segment[:5])
    check_size(width, height)
    return Picture('JPEG', width, height, bits, _JPEG_COLOURS[segment[5]])
