"""What the bytes of a picture tell."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.fileio.frames import FRAME_COLOURS
from i2vda_mmseg.fileio.images import read_image
from i2vda_mmseg.fileio.pictures import MAX_PIXELS, decode, decode_deep, decode_png, glance


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


def read(data):
    return decode('a.png', 'image', data)


KINDS = [
    (encoded('RGB'), (8, 'RGB')), (encoded('RGBA'), (8, 'RGBA')), (encoded('L'), (8, 'grey')),
    (encoded('P'), (8, 'palette')), (encoded('P', bits=2), (2, 'palette')), (encoded('LA'), (8, 'grey with alpha')),
    (encoded('1'), (1, 'grey')), (encoded('I;16'), (16, 'grey')), (encoded('RGB', 'JPEG'), (8, 'RGB')),
    (encoded('L', 'JPEG'), (8, 'grey')), (encoded('CMYK', 'JPEG'), (8, 'CMYK')), (encoded('RGB', 'BMP'), (8, 'RGB')),
    (encoded('RGB', 'JPEG', progressive=True), (8, 'RGB')), (encoded('RGB', 'WEBP'), (8, 'RGB')),
    (cv2.imencode('.png', np.ones((20, 30, 3), np.uint16))[1].tobytes(), (16, 'RGB')),
    (cv2.imencode('.png', np.ones((20, 30, 4), np.uint16))[1].tobytes(), (16, 'RGBA')),
    (png(30, 20, zlib.compress(bytes(20 * (1 + 8))), bits=2), (2, 'grey')),
]  # fmt: skip


@pytest.mark.parametrize(('data', 'expected'), KINDS)
def test_what_a_whole_file_holds(tmp_path, data, expected):
    picture, image = read(data)
    assert (picture.width, picture.height, picture.bits, picture.colours) == (30, 20, *expected)
    assert image.size == (30, 20)
    (tmp_path / 'a').write_bytes(data)
    assert glance(str(tmp_path / 'a'), 'image') == picture


def is_found(damaged, whole):
    """Whether damage is an error; otherwise, the pixels must be what they were."""
    try:
        image = read(bytes(damaged))[1]
    except ValueError:
        return True
    np.testing.assert_array_equal(image, whole)
    return False


def test_every_flipped_bit_of_a_png_is_found():
    data = encoded('RGB', size=(5, 3))
    whole, found = read(data)[1], []
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << (bit % 8)
        found.append(is_found(damaged, whole))
    assert all(found[: -8 * 12])  # the last chunk holds nothing


@pytest.mark.parametrize('options', [{}, {'progressive': True}, {'restart_marker_blocks': 1}])
@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'BMP', 'WEBP'])
def test_every_truncation_is_found(kind, options):
    data = encoded('RGB', kind, size=(17, 9), **(options if kind == 'JPEG' else {}))
    whole = read(data)[1]
    found = [is_found(data[:length], whole) for length in range(len(data))]
    assert all(found[:-4])  # the last checksum is of nothing


def test_pixels_that_do_not_fit_the_header():
    rows = bytes(3 * (1 + 4))
    assert read(png(4, 3, zlib.compress(rows)))[0].width == 4
    for bad in (zlib.compress(rows[:-1]), b'no zlib'):
        for decoder in (decode, decode_deep):
            with pytest.raises(ValueError, match=r'a\.png cannot be decoded: '):
                decoder('a.png', 'image', png(4, 3, bad))


@pytest.mark.parametrize(('width', 'height'), [(0, 3), (9000, 9000), (60000, 60000), (MAX_PIXELS + 1, 1)])
def test_sizes_that_no_data_set_has(width, height):
    with pytest.raises(ValueError, match=r'a\.png cannot be decoded: it (states an impossible size|is no PNG)'):
        read(png(width, height, zlib.compress(b'')))


def test_headers_that_lie():
    for data in (png(4, 3, b'', bits=3), b'\x89PNG\r\n\x1a\n' + chunk(b'IDAT', b'') + chunk(b'IEND', b''),
                 b'\xff\xd8\xff\xd9', encoded('RGB', 'GIF')):  # fmt: skip
        with pytest.raises(ValueError, match=r'a\.png cannot be decoded: '):
            read(data)


def test_16_bits_are_kept():
    stored = np.random.default_rng(0).integers(0, 1 << 16, (20, 30, 3), dtype=np.uint16)
    picture, image = decode_deep('a.png', 'label', cv2.imencode('.png', stored)[1].tobytes())
    assert str(picture) == 'a PNG of 16-bit RGB'
    np.testing.assert_array_equal(image, stored)


@pytest.mark.parametrize('kind', ['PNG', 'JPEG'])
def test_the_ends_tell_a_truncated_file(tmp_path, kind):
    data = encoded('RGB', kind)
    (tmp_path / 'a').write_bytes(data[:-6])
    with pytest.raises(ValueError, match=r'image .*a cannot be decoded: it does not end as such a file does'):
        glance(str(tmp_path / 'a'), 'image')


def test_a_palette_of_few_colours_is_one_of_eight_bits(tmp_path):
    colours = np.array([[10, 200, 30], [0, 0, 255], [77, 1, 2]], np.uint8)
    image = colours[np.arange(35).reshape(5, 7) % 3]
    Image.fromarray(image).quantize(3).save(path := str(tmp_path / 'a.png'))
    assert glance(path, 'image').bits < 8
    np.testing.assert_array_equal(read_image(path, colours=FRAME_COLOURS), image[..., ::-1])
    with pytest.raises(ValueError, match=r'a\.png is a PNG of .*palette; expected 8-bit RGB'):
        read_image(path)


def of_rows(rows, height=6, width=9, extra=b''):
    """A PNG of 8-bit RGB, of compressed rows; ``extra`` chunks stand behind the pixels."""
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', rows) + extra + chunk(b'IEND', b'')


def test_a_plain_png_is_what_pillow_reads(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    for options in ({}, dict(dpi=(72, 72)), dict(optimize=True)):
        Image.fromarray(pixels).save(tmp_path / 'a.png', **options)
        content = (tmp_path / 'a.png').read_bytes()
        assert (decode_png('a.png', 'image', content) == pixels[..., ::-1]).all()
        assert (read_image(str(tmp_path / 'a.png')) == pixels[..., ::-1]).all()


def test_a_png_with_more_to_it_is_left_to_pillow(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / 'a.png', exif=turned)
    assert decode_png('a', 'image', (tmp_path / 'a.png').read_bytes()) is None
    assert read_image(str(tmp_path / 'a.png')).shape == (9, 6, 3)
    rows = zlib.compress(b''.join(b'\0' + row.tobytes() for row in pixels))
    assert (decode_png('a', 'image', of_rows(rows)) == pixels[..., ::-1]).all()
    assert decode_png('a', 'image', of_rows(rows, extra=chunk(b'eXIf', turned.tobytes()[6:]))) is None
    for mode in ('L', 'RGBA', 'P'):
        Image.fromarray(pixels).convert(mode).save(tmp_path / 'b.png')
        assert decode_png('b', 'image', (tmp_path / 'b.png').read_bytes()) is None


@pytest.mark.parametrize('damage', ['missing rows', 'cut', 'flipped'])
def test_damage_behind_right_checksums_is_found(damage):
    raw = b''.join(b'\0' + bytes(range(27)) for _ in range(6))
    whole = zlib.compress(raw)
    flipped = whole[:12] + bytes([whole[12] ^ 255]) + whole[13:]
    rows = {'missing rows': zlib.compress(raw[:84]), 'cut': whole[: len(whole) // 2], 'flipped': flipped}[damage]
    with pytest.raises(ValueError, match=r'image a\.png cannot be decoded: its pixels are damaged'):
        decode_png('a.png', 'image', of_rows(rows))
