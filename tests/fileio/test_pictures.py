"""What the bytes of a picture tell."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.fileio.pictures import MAX_PIXELS, Picture, inspect_ends, inspect_picture


def encoded(mode, kind='PNG', size=(30, 20), **options):
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 4), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise, 'RGBA').convert(mode).save(file, kind, **options)
    return file.getvalue()


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width, height, pixels, bits=8, colour=0):
    header = struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, 0)
    chunks = chunk(b'IHDR', header) + chunk(b'IDAT', pixels) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + chunks


@pytest.mark.parametrize(('data', 'expected'), [
    (encoded('RGB'), (8, 'RGB')), (encoded('RGBA'), (8, 'RGBA')), (encoded('L'), (8, 'grey')),
    (encoded('P'), (8, 'palette')), (encoded('LA'), (8, 'grey with alpha')), (encoded('1'), (1, 'grey')),
    (encoded('I;16'), (16, 'grey')), (encoded('RGB', 'JPEG'), (8, 'RGB')), (encoded('L', 'JPEG'), (8, 'grey')),
    (encoded('CMYK', 'JPEG'), (8, 'CMYK')), (encoded('RGB', 'JPEG', progressive=True), (8, 'RGB')),
    (encoded('RGB', 'JPEG', restart_marker_blocks=1), (8, 'RGB')),
])  # fmt: skip
def test_what_a_whole_file_holds(data, expected):
    kind = 'PNG' if data.startswith(b'\x89PNG') else 'JPEG'
    assert inspect_picture(data, inflate=True) == Picture(kind, 30, 20, *expected)
    assert inspect_ends(data[: 1 << 16], data[-64:]) == Picture(kind, 30, 20, *expected)


def test_every_flipped_bit_of_a_png_is_found():
    data = encoded('RGB', size=(5, 3))
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(ValueError, match=r'truncated|checksum|starts like no'):
            inspect_picture(bytes(damaged))


@pytest.mark.parametrize('options', [{}, {'progressive': True}, {'restart_marker_blocks': 1}])
@pytest.mark.parametrize('kind', ['PNG', 'JPEG'])
def test_every_truncation_is_found(kind, options):
    data = encoded('RGB', kind, size=(17, 9), **(options if kind == 'JPEG' else {}))
    for length in range(len(data)):
        with pytest.raises(ValueError, match=r'truncated|damaged|starts like no'):
            inspect_picture(data[:length])


def test_restart_markers_that_do_not_belong_into_a_jpeg():
    data = encoded('RGB', 'JPEG', size=(64, 48), restart_marker_blocks=2)
    first = data.index(b'\xff\xd0')
    for swapped in (b'\xff\xd4', b'\xff\xd9'):
        with pytest.raises(ValueError, match=r'is damaged: a(n end)? marker'):
            inspect_picture(data[:first] + swapped + data[first + 2 :])


def test_pixels_that_do_not_fit_the_header():
    rows = bytes(3 * (1 + 4))
    assert inspect_picture(png(4, 3, zlib.compress(rows)), inflate=True).width == 4
    for bad in (rows[:-1], rows + b'\0', rows * 1000):
        assert inspect_picture(png(4, 3, zlib.compress(bad)))
        with pytest.raises(ValueError, match='do not fit its size'):
            inspect_picture(png(4, 3, zlib.compress(bad)), inflate=True)
    with pytest.raises(ValueError, match='picture data are damaged'):
        inspect_picture(png(4, 3, b'no zlib'), inflate=True)


@pytest.mark.parametrize(('width', 'height'), [(0, 3), (60000, 60000), (MAX_PIXELS + 1, 1)])
def test_sizes_that_no_data_set_has(width, height):
    with pytest.raises(ValueError, match=f'impossible size, {width}x{height}'):
        inspect_picture(png(width, height, zlib.compress(b'')))


def test_headers_that_lie():
    with pytest.raises(ValueError, match='states 3 bits'):
        inspect_picture(png(4, 3, b'', bits=3))
    with pytest.raises(ValueError, match='no chunk IHDR'):
        inspect_picture(b'\x89PNG\r\n\x1a\n' + chunk(b'IDAT', b'') + chunk(b'IEND', b''))
    with pytest.raises(ValueError, match='states no size'):
        inspect_picture(b'\xff\xd8\xff\xd9')
    with pytest.raises(ValueError, match='starts like no PNG'):
        inspect_ends(b'GIF89a', b'')


def test_the_ends_tell_a_truncated_file():
    for kind in ('PNG', 'JPEG'):
        data = encoded('RGB', kind)
        with pytest.raises(ValueError, match='it is truncated'):
            inspect_ends(data, data[-70:-6])
