import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.datasets import LoadRawLabels, MaskEgoVehicle
from i2vda_mmseg.datasets.class_spaces import SYNTHIA_RAW_IDS, SYNTHIA_TO_12

from .. import trees

LABEL_MAP = {0: 255, 1: 2, 2: 0, 3: 255}


def load(path, **results):
    return LoadRawLabels()({'seg_map_path': str(path), 'label_map': LABEL_MAP} | results)


@pytest.mark.parametrize('with_palette', [False, True])
def test_grey_and_palette(tmp_path, with_palette):
    raw = trees.raw_label(range(4))
    trees.write_index_label(tmp_path / 'a.png', raw, with_palette)
    results = load(tmp_path / 'a.png', ori_shape=raw.shape, seg_fields=[])
    assert results['gt_seg_map'].dtype == np.uint8
    assert results['gt_seg_map'].tolist() == [[LABEL_MAP[raw_id] for raw_id in row] for row in raw.tolist()]
    assert results['seg_fields'] == ['gt_seg_map']


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_red_channel(tmp_path, dtype):
    raw = trees.raw_label(range(16))
    trees.write_red_label(tmp_path / 'a.png', raw, dtype)
    label_map = {raw_id: SYNTHIA_TO_12.get(raw_id, 255) for raw_id in SYNTHIA_RAW_IDS.values()}
    labels = load(tmp_path / 'a.png', label_encoding='red16', label_map=label_map)['gt_seg_map']
    assert labels.tolist() == [[label_map[raw_id] for raw_id in row] for row in raw.tolist()]


def test_unknown_raw_ids(tmp_path):
    trees.write_index_label(tmp_path / 'a.png', trees.raw_label([1, 2, 77, 200]))
    with pytest.raises(ValueError, match=r'a\.png holds the unknown raw ids \[77, 200\]; known are 0\.\.3\.'):
        load(tmp_path / 'a.png')
    trees.write_red_label(tmp_path / 'b.png', np.full((2, 3), 300))
    with pytest.raises(ValueError, match=r'b\.png holds the unknown raw ids \[300\]; known are 0\.\.1, 3\.'):
        load(tmp_path / 'b.png', label_encoding='red16', label_map={0: 0, 1: 1, 3: 2})


def test_wrong_size(tmp_path):
    trees.write_index_label(tmp_path / 'a.png', trees.raw_label(range(4)))
    with pytest.raises(ValueError, match=r'a\.png has 12x8 pixels, its image 24x16'):
        load(tmp_path / 'a.png', ori_shape=(16, 24))


def test_colours_and_16_bits_are_no_ids(tmp_path):
    trees.write_image(tmp_path / 'colours.png', trees.image())
    Image.fromarray(np.zeros((8, 12), np.uint16)).save(tmp_path / 'deep.png')
    for name, found in (('colours', '8-bit RGB'), ('deep', '16-bit grey')):
        with pytest.raises(ValueError, match=rf'{name}\.png is a PNG of {found}; expected one 8-bit channel'):
            load(tmp_path / f'{name}.png')
    trees.write_index_label(tmp_path / 'grey.png', trees.raw_label(range(4)))
    with pytest.raises(ValueError, match=r'grey\.png is a PNG of 8-bit grey; expected .*raw id in red'):
        load(tmp_path / 'grey.png', label_encoding='red16')


@pytest.mark.parametrize('encoding', ['index', 'red16'])
def test_broken_files(tmp_path, encoding):
    write = trees.write_index_label if encoding == 'index' else trees.write_red_label
    write(tmp_path / 'whole.png', trees.raw_label(range(4), height=60, width=90))
    content = (tmp_path / 'whole.png').read_bytes()
    (tmp_path / 'cut.png').write_bytes(content[: len(content) // 2])
    (tmp_path / 'text.png').write_text('not an image')
    (tmp_path / 'empty.png').touch()
    for name, problem in (('cut', 'cannot be decoded'), ('text', 'cannot be decoded'), ('empty', 'is an empty file')):
        with pytest.raises(ValueError, match=rf'{name}\.png {problem}'):
            load(tmp_path / f'{name}.png', label_encoding=encoding)
    with pytest.raises(FileNotFoundError, match=r'no such label: .*none\.png'):
        load(tmp_path / 'none.png', label_encoding=encoding)


def test_unknown_encoding_and_missing_map(tmp_path):
    trees.write_index_label(tmp_path / 'a.png', trees.raw_label(range(4)))
    with pytest.raises(ValueError, match="label_encoding='blue'"):
        load(tmp_path / 'a.png', label_encoding='blue')
    with pytest.raises(ValueError, match='label_map'):
        load(tmp_path / 'a.png', label_map=None)


def test_ego_vehicle_by_hand():
    # Columns 0..6, the bottom middle is column 3; diagonal neighbours belong together.
    before = [[10, 0, 0, 0, 0, 0, 10], [0, 0, 10, 0, 0, 0, 10], [0, 0, 0, 10, 0, 0, 0], [10, 0, 10, 10, 0, 1, 10]]
    after = [[10, 0, 0, 0, 0, 0, 10], [0, 0, 255, 0, 0, 0, 10], [0, 0, 0, 255, 0, 0, 0], [10, 0, 255, 255, 0, 1, 10]]
    labels = np.array(before, np.uint8)
    masked = MaskEgoVehicle()({'gt_seg_map': labels})['gt_seg_map']
    assert masked.dtype == np.uint8
    assert masked.tolist() == after
    assert labels.tolist() == before
    assert MaskEgoVehicle(label=1)({'gt_seg_map': labels})['gt_seg_map'].tolist() == before


def test_ego_vehicle_even_width():
    labels = np.array([[10, 10, 0, 10], [10, 0, 10, 0]], np.uint8)
    assert MaskEgoVehicle()({'gt_seg_map': labels})['gt_seg_map'].tolist() == [[255, 255, 0, 255], [255, 0, 255, 0]]
    labels = np.array([[10, 10, 0, 10], [10, 10, 0, 10]], np.uint8)
    assert (MaskEgoVehicle()({'gt_seg_map': labels})['gt_seg_map'] == labels).all()
