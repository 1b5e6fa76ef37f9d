"""Flow in the formats that circulate."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from i2vda_mmseg.flow import FlowCache, read_davsn, read_flow, read_kitti, write_davsn, write_flo, write_kitti

FLOW = np.array([[[1.5, -2.0], [0.0, 3.25]], [[-500.0, 511.5], [0.25, -0.5]], [[7.0, 8.0], [9.0, -10.0]]], np.float32)


def png(rows, depth=16, color=2):
    """A png written by hand: rows of (R, G, B) big-endian numbers."""

    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    header = struct.pack('>IIBBBBB', len(rows[0]), len(rows), depth, color, 0, 0, 0)
    lines = b''.join(b'\0' + np.array(row, '>u2').tobytes() for row in rows)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b'')


def test_a_kitti_file_written_by_hand(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(png([[(32768 + 96, 32768 - 128, 1), (0, 65535, 1), (32768, 32768, 0)]]))
    flow, valid = read_kitti(path)
    np.testing.assert_array_equal(flow, [[[1.5, -2], [-512, 32767 / 64], [0, 0]]])
    np.testing.assert_array_equal(valid, [[True, True, False]])
    np.testing.assert_array_equal(read_flow(path), [[[1.5, -2], [-512, 32767 / 64], [np.nan, np.nan]]])


def test_a_davsn_file_written_by_hand(tmp_path):
    path = tmp_path / 'aachen_000000_000019_000018_int16_x10.npy'
    np.save(path, np.array([[[15, -20], [1, 0]]], np.int16))
    np.testing.assert_allclose(read_flow(path), [[[1.5, -2], [0.1, 0]]], rtol=1e-6)
    assert read_flow(path).dtype == np.float32


def test_a_flo_file_written_by_hand(tmp_path):
    path = tmp_path / 'a.flo'
    path.write_bytes(b'PIEH' + struct.pack('<ii4f', 2, 1, 1.5, -2, 0.1, 0))
    np.testing.assert_allclose(read_flow(path), [[[1.5, -2], [0.1, 0]]], rtol=1e-6)


@pytest.mark.parametrize(('name', 'write', 'tolerance'), [
    ('a.flo', write_flo, 0), ('a.npy', write_davsn, 0.05), ('a.png', write_kitti, 1 / 128),
])  # fmt: skip
def test_round_trips(tmp_path, name, write, tolerance):
    flow = np.random.default_rng(0).normal(0, 40, (7, 5, 2)).astype(np.float32)
    read = read_flow(write(tmp_path / 'new' / name, flow))
    assert read.shape == (7, 5, 2)
    assert read.dtype == np.float32
    assert np.abs(read - flow).max() <= tolerance + 1e-5


def test_flow_that_is_not_valid_survives(tmp_path):
    flow, valid = FLOW.copy(), np.array([[True, False], [True, True], [False, True]])
    flow[~valid] = np.nan
    path = write_kitti(tmp_path / 'a.png', flow, valid)
    np.testing.assert_array_equal(read_kitti(path)[1], valid)
    np.testing.assert_array_equal(read_flow(path), flow)


def test_files_of_the_cache_are_read_too(tmp_path):
    cache = FlowCache.create(tmp_path, dict(type='DISFlow'), FLOW.shape[:2])
    cache.write('0.png', '1.png', FLOW)
    np.testing.assert_array_equal(read_flow(cache.path('0.png', '1.png')), FLOW)


@pytest.mark.parametrize('cut', [0, 7, 20, 40, -13, -1])
@pytest.mark.parametrize(('name', 'write'), [('a.npy', write_davsn), ('a.png', write_kitti), ('a.flo', write_flo)])
def test_truncated_files_are_named(tmp_path, name, write, cut):
    path = write(tmp_path / name, FLOW)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r'a\.(npy|png|flo) '):
        read_flow(path)


def test_damaged_pictures_are_named(tmp_path):
    path = write_kitti(tmp_path / 'a.png', FLOW)
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r'flow .*a\.png cannot be decoded: .*checksum'):
        read_flow(path)


@pytest.mark.parametrize(('array', 'reason'), [
    (FLOW, r'float32 of \(3, 2, 2\); DA-VSN'),
    (np.zeros((2, 3, 4), np.int16), r'int16 of \(2, 3, 4\)'),
    (np.array([{}], object), 'cannot be read as a NumPy array'),
])  # fmt: skip
def test_other_arrays_are_refused(tmp_path, array, reason):
    np.save(tmp_path / 'a.npy', array)
    with pytest.raises(ValueError, match=rf'a\.npy .*{reason}'):
        read_davsn(tmp_path / 'a.npy')


def test_other_pictures_archives_and_suffixes_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(ValueError, match=r'a\.png is a PNG of 8-bit RGB; KITTI'):
        read_flow(tmp_path / 'a.png')
    with (tmp_path / 'a.npy').open('wb') as file:
        np.savez(file, FLOW)
    with pytest.raises(ValueError, match=r'a\.npy holds an archive of arrays'):
        read_flow(tmp_path / 'a.npy')
    with pytest.raises(ValueError, match=r'a\.mat: flow is read from \.flo, \.i2vflow, \.npy, \.png files'):
        read_flow(tmp_path / 'a.mat')


@pytest.mark.parametrize(('name', 'write', 'far'), [('a.npy', write_davsn, 3277.0), ('a.png', write_kitti, -513.0)])
def test_what_does_not_fit_is_not_written(tmp_path, name, write, far):
    for bad, reason in ((np.nan, 'not finite'), (far, 'beyond this format')):
        flow = FLOW.copy()
        flow[1, 1, 0] = bad
        with pytest.raises(ValueError, match=reason):
            write(tmp_path / name, flow)
    with pytest.raises(ValueError, match='must end in'):
        write(tmp_path / 'a.flow', FLOW)
    with pytest.raises(ValueError, match=r'the shape \(H, W, 2\)'):
        write(tmp_path / name, FLOW[0])
    assert not list(tmp_path.iterdir())
