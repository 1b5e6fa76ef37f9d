"""Images and labels that went bad: one clear error that names the file and what was expected."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.datasets import LoadFramePair, LoadImage, LoadRawLabels
from i2vda_mmseg.fileio import reading

from .. import trees


def pixels(mode):
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 4), dtype=np.uint8)
    return Image.fromarray(noise, 'RGBA').convert(mode)


def image(path):
    return LoadImage()({'img_path': str(path)})


def index_label(path):
    return LoadRawLabels()({'seg_map_path': str(path), 'label_map': {0: 0, 1: 1}})


def red_label(path):
    return LoadRawLabels()({'seg_map_path': str(path), 'label_map': {0: 0, 1: 1}, 'label_encoding': 'red16'})


def write_deep_rgb(path):
    """An RGB image of 16 bits, which Pillow would silently cut down to 8."""
    trees.write_red_label(path, np.ones((8, 12)), np.uint16)


READERS = pytest.mark.parametrize('read', [image, index_label, red_label])


@pytest.mark.parametrize(('mode', 'suffix', 'found'), [
    ('L', 'png', 'PNG of 8-bit grey'), ('P', 'png', 'PNG of 8-bit palette'), ('RGBA', 'png', 'PNG of 8-bit RGBA'),
    ('LA', 'png', 'PNG of 8-bit grey with alpha'), ('1', 'png', 'PNG of 1-bit grey'),
    ('I;16', 'png', 'PNG of 16-bit grey'), ('L', 'jpg', 'JPEG of 8-bit grey'), ('CMYK', 'jpg', 'JPEG of 8-bit CMYK'),
])  # fmt: skip
def test_images_of_another_mode(tmp_path, mode, suffix, found):
    pixels(mode).save(tmp_path / f'a.{suffix}')
    with pytest.raises(ValueError, match=rf'image .*a\.{suffix} is a {found}; expected 8-bit RGB\. '):
        image(tmp_path / f'a.{suffix}')


def test_images_of_16_bits(tmp_path):
    write_deep_rgb(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png is a PNG of 16-bit RGB; expected 8-bit RGB'):
        image(tmp_path / 'a.png')


def test_floating_point_images_and_labels(tmp_path):
    Image.fromarray(np.ones((8, 12), np.float32)).save(tmp_path / 'a.tiff')
    for read in (image, index_label, red_label):
        with pytest.raises(ValueError, match=r'a\.tiff cannot be decoded: it is no PNG, JPEG, BMP or WEBP'):
            read(tmp_path / 'a.tiff')


def test_opaque_alpha_where_the_data_set_has_it(tmp_path):
    opaque = pixels('RGB')
    opaque.convert('RGBA').save(tmp_path / 'a.png')
    info = {'image_colours': ('RGB', 'RGBA')}
    results = LoadImage()({'img_path': str(tmp_path / 'a.png')} | info)
    assert (results['img'] == np.asarray(opaque)[..., ::-1]).all()
    pixels('RGBA').save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png is transparent in places; expected an opaque image'):
        LoadImage()({'img_path': str(tmp_path / 'a.png')} | info)


@pytest.mark.parametrize(('mode', 'suffix', 'found'), [
    ('RGB', 'png', 'PNG of 8-bit RGB'), ('RGBA', 'png', 'PNG of 8-bit RGBA'), ('1', 'png', 'PNG of 1-bit grey'),
    ('I;16', 'png', 'PNG of 16-bit grey'), ('L', 'jpg', 'JPEG of 8-bit grey'),
])  # fmt: skip
def test_labels_of_another_mode(tmp_path, mode, suffix, found):
    pixels(mode).save(tmp_path / f'a.{suffix}')
    with pytest.raises(ValueError, match=rf'label .*a\.{suffix} is a {found}; expected one 8-bit channel of raw ids'):
        index_label(tmp_path / f'a.{suffix}')


@pytest.mark.parametrize('mode', ['L', 'P', 'I;16'])
def test_red_labels_of_another_mode(tmp_path, mode):
    pixels(mode).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png is a PNG of .*; expected 3 channels with the raw id in red'):
        red_label(tmp_path / 'a.png')


def test_palettes_of_few_bits_keep_their_indices(tmp_path):
    ids = trees.raw_label(range(2))
    label = Image.fromarray(ids)
    label.putpalette([0, 0, 0, 255, 255, 255])
    label.save(tmp_path / 'a.png', bits=1)
    assert index_label(tmp_path / 'a.png')['gt_seg_map'].tolist() == ids.tolist()


@READERS
@pytest.mark.parametrize('damage', ['cut', 'flip', 'empty', 'text'])
def test_damaged_files(tmp_path, read, damage):
    write = {image: lambda path: trees.write_image(path, trees.image()), red_label: write_deep_rgb}
    write.get(read, lambda path: trees.write_index_label(path, trees.raw_label(range(2))))(tmp_path / 'a.png')
    data = bytearray((tmp_path / 'a.png').read_bytes())
    data[-20] ^= 4
    content = {'cut': data[:-30], 'flip': data, 'empty': b'', 'text': b'not a picture'}[damage]
    (tmp_path / 'a.png').write_bytes(content)
    problem = {'cut': '[Tt]runcated', 'flip': 'checksum', 'empty': 'is an empty file', 'text': 'it is no PNG'}
    with pytest.raises(ValueError, match=rf'a\.png .*{problem[damage]}.*Is the download complete\?'):
        read(tmp_path / 'a.png')


@READERS
def test_folders_pipes_and_absent_files(tmp_path, read):
    (tmp_path / 'folder.png').mkdir()
    os.mkfifo(tmp_path / 'pipe.png')
    with pytest.raises(IsADirectoryError, match=r'folder\.png is a folder; expected a file'):
        read(tmp_path / 'folder.png')
    with pytest.raises(ValueError, match=r'pipe\.png is no regular file'):
        read(tmp_path / 'pipe.png')
    with pytest.raises(FileNotFoundError, match=r'no such (image|label): .*none\.png'):
        read(tmp_path / 'none.png')


@READERS
@pytest.mark.parametrize(('error', 'message'), [
    (PermissionError(13, 'Permission denied'), r'a\.png may not be read; give this user the right to'),
    (OSError(5, 'Input/output error'), r'a\.png cannot be read: Input/output error'),
])  # fmt: skip
def test_files_that_the_system_does_not_give(tmp_path, monkeypatch, read, error, message):
    def read_bytes(path):
        raise error

    trees.write_image(tmp_path / 'a.png', trees.image())
    monkeypatch.setattr(Path, 'read_bytes', read_bytes)  # root reads what chmod forbids
    with pytest.raises(type(error), match=message):
        read(tmp_path / 'a.png')


@pytest.mark.skipif(os.geteuid() == 0, reason='root reads everything')
def test_files_without_the_right_to_read(tmp_path):
    trees.write_image(tmp_path / 'a.png', trees.image())
    (tmp_path / 'a.png').chmod(0)
    with pytest.raises(PermissionError, match=r'a\.png may not be read'):
        image(tmp_path / 'a.png')


@READERS
def test_bombs_are_refused_by_their_header(tmp_path, read):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    header = struct.pack('>IIBBBBB', 50000, 50000, 8, 2, 0, 0, 0)
    chunks = chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(1000))) + chunk(b'IEND', b'')
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + chunks)
    with pytest.raises(ValueError, match=r'a\.png .*impossible size.*2500000000 pixels'):
        read(tmp_path / 'a.png')


def test_files_of_absurd_length_are_not_read(tmp_path):
    with (tmp_path / 'a.png').open('wb') as file:
        file.truncate(reading.MAX_BYTES + 1)
    with pytest.raises(ValueError, match=r'a\.png has 1073741825 bytes; at most'):
        image(tmp_path / 'a.png')


def test_sizes_that_differ(tmp_path):
    trees.write_image(tmp_path / 'a.png', trees.image())
    trees.write_image(tmp_path / 'b.png', trees.image(height=6, width=10))
    trees.write_index_label(tmp_path / 'l.png', trees.raw_label(range(2), height=6, width=10))
    with pytest.raises(ValueError, match=r'same size.*a\.png: 12x8, .*b\.png: 10x6'):
        LoadFramePair()({'frame_paths': (str(tmp_path / 'a.png'), str(tmp_path / 'b.png'))})
    info = {'img_path': str(tmp_path / 'a.png'), 'seg_map_path': str(tmp_path / 'l.png'), 'label_map': {0: 0, 1: 1}}
    with pytest.raises(ValueError, match=r'l\.png has 10x6 pixels, its image 12x8 \(width x height\) .*a\.png'):
        LoadRawLabels()(LoadImage()(info))


@pytest.mark.parametrize('name', ['a.bmp', 'a.webp'])
def test_other_formats_of_frames(tmp_path, name):
    pixels('RGB').save(tmp_path / name)
    assert image(tmp_path / name)['img'].shape == (8, 12, 3)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:40])
    with pytest.raises(ValueError, match=rf'{name} cannot be decoded'):
        image(tmp_path / name)
