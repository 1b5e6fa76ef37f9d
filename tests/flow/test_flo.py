"""Optical flow on disk."""

import numpy as np
import pytest

from i2vda_mmseg.flow import read_flow
from i2vda_mmseg.flow.formats import read_flo, write_flo


@pytest.fixture
def flow():
    return np.random.default_rng(0).normal(0, 20, (5, 7, 2)).astype(np.float32)


def test_what_is_written_is_read(tmp_path, flow):
    path = write_flo(tmp_path / 'new' / 'a.flo', flow)
    read = read_flo(path)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, flow)
    read += 1  # the array belongs to the caller


def test_bytes_are_those_of_the_middlebury_format(tmp_path):
    path = write_flo(tmp_path / 'a.flo', np.array([[[1.5, -2.0], [0.0, 3.0]]]))
    assert path.read_bytes() == b'PIEH' + bytes([2, 0, 0, 0, 1, 0, 0, 0]) + np.array([1.5, -2, 0, 3], '<f4').tobytes()


@pytest.mark.parametrize('change', [-1, -8, 8])
def test_a_file_of_the_wrong_length_is_named(tmp_path, flow, change):
    path = write_flo(tmp_path / 'cut.flo', flow)
    data = path.read_bytes()
    path.write_bytes(data[:change] if change < 0 else data + bytes(change))
    with pytest.raises(ValueError, match=r'cut\.flo is damaged: a flow field of 7 x 5 pixels takes 292 bytes'):
        read_flo(path)


@pytest.mark.parametrize('data', [b'', b'PIEH', b'\x89PNG' + bytes(300)])
def test_another_kind_of_file_is_named(tmp_path, data):
    path = tmp_path / 'other.flo'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r'other\.flo is not a Middlebury \.flo file'):
        read_flo(path)


def test_an_impossible_size_is_refused(tmp_path):
    path = tmp_path / 'empty.flo'
    path.write_bytes(b'PIEH' + bytes(8))
    with pytest.raises(ValueError, match='impossible size: 0 x 0'):
        read_flo(path)


@pytest.mark.parametrize('shape', [(5, 7), (2, 5, 7), (5, 7, 3)])
def test_only_flow_fields_are_written(tmp_path, shape):
    with pytest.raises(ValueError, match=r'the shape \(H, W, 2\)'):
        write_flo(tmp_path / 'a.flo', np.zeros(shape))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('mark', [1e10, -1e10, 1.1e9, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('component', [0, 1])
def test_unknown_flow_is_not_a_number_in_both_components(tmp_path, flow, mark, component):
    flow[1, 2, component] = mark
    path = tmp_path / 'a.flo'
    path.write_bytes(b'PIEH' + np.array([7, 5], '<i4').tobytes() + flow.astype('<f4').tobytes())
    for read in (read_flo(path), read_flow(path), read_flo(write_flo(tmp_path / 'again.flo', flow))):
        assert np.isnan(read[1, 2]).all()
        np.testing.assert_array_equal(read, np.where(np.isnan(read), np.nan, flow))
        assert np.isnan(read).sum() == 2
    assert (np.frombuffer((tmp_path / 'again.flo').read_bytes(), '<f4', offset=12) == np.float32(1e10)).sum() == 2
