import pytest
from mmengine.dataset import Compose
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from i2vda_mmseg.datasets import ViperDataset
from i2vda_mmseg.datasets.class_spaces import PALETTE_15

from . import trees

CLASSES = (
    'road', 'sidewalk', 'building', 'fence', 'traffic light', 'traffic sign', 'vegetation', 'terrain', 'sky',
    'person', 'car', 'truck', 'bus', 'motorcycle', 'bicycle',
)  # fmt: skip


@pytest.fixture
def log(caplog):
    """The messages of mmengine's logger, which hands nothing to Python's root logger."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def names_of(dataset):
    return [dataset.get_data_info(i)['img_path'].rsplit('/', 1)[1] for i in range(len(dataset))]


def test_index_in_order(tmp_path):
    dataset = DATASETS.build({'type': 'ViperDataset', 'data_root': str(trees.viper(tmp_path))})
    assert names_of(dataset) == ['001_00010.jpg', '001_00020.jpg', '002_00010.jpg']
    info = dataset.get_data_info(0)
    assert info['seg_map_path'] == str(tmp_path / 'train/cls/001/001_00010.png')
    assert dataset.metainfo['classes'] == CLASSES


def test_other_split(tmp_path):
    trees.viper(tmp_path)
    (tmp_path / 'train').rename(tmp_path / 'game')
    assert len(ViperDataset(str(tmp_path), split='game')) == 3


@pytest.mark.parametrize('content', [
    '002/002_00010.jpg\n001/001_00020.jpg\n',
    '002/002_00010.jpg\n001/001_00020.jpg',
    '\r\n002/002_00010.jpg\r\n\r\n  001/001_00020\r\n\r\n',
    '\ufeff002/002_00010.png\n./001/001_00020.png\n\n',
])  # fmt: skip
def test_list_file(tmp_path, content):
    trees.viper(tmp_path)
    (tmp_path / 'list.txt').write_bytes(content.encode())
    assert names_of(ViperDataset(str(tmp_path), ann_file='list.txt')) == ['002_00010.jpg', '001_00020.jpg']


def test_bad_list_files(tmp_path):
    trees.viper(tmp_path)
    (tmp_path / 'empty.txt').write_text('\n \n')
    (tmp_path / 'absent.txt').write_text('001/001_00010.jpg\n001/001_00990.jpg\n')
    with pytest.raises(ValueError, match=r'empty\.txt names no sample'):
        ViperDataset(str(tmp_path), ann_file='empty.txt')
    with pytest.raises(FileNotFoundError, match=r'img/001/001_00990\.jpg.*absent\.txt'):
        ViperDataset(str(tmp_path), ann_file='absent.txt')
    with pytest.raises(FileNotFoundError, match=r'no such list file: .*none\.txt'):
        ViperDataset(str(tmp_path), ann_file='none.txt')


def test_wrong_layouts(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no such folder: .*train/img[\s\S]*cls/001/001_00010\.png'):
        ViperDataset(str(tmp_path))
    (tmp_path / 'train/img/001').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r'no file \*\.jpg below'):
        ViperDataset(str(tmp_path))


def test_images_of_digits_without_labels_are_left_out(tmp_path, log):
    trees.viper(tmp_path)
    for digit in range(1, 10):
        trees.write_image(tmp_path / f'train/img/001/001_0001{digit}.jpg', trees.image())
    assert len(ViperDataset(str(tmp_path))) == 3
    (record,) = log.records
    assert record.levelname == 'WARNING'
    assert 'ViperDataset: 9 of 12 images are left out' in record.getMessage()
    assert record.getMessage().endswith('only such ending in 0')


def test_a_whole_set_and_a_list_leave_nothing_out(tmp_path, log):
    trees.viper(tmp_path)
    assert len(ViperDataset(str(tmp_path))) == 3
    trees.write_image(tmp_path / 'train/img/001/001_00011.jpg', trees.image())
    (tmp_path / 'list.txt').write_text('001/001_00010.jpg\n')
    assert len(ViperDataset(str(tmp_path), ann_file='list.txt')) == 1
    assert log.records == []


def test_missing_counterparts_raise(tmp_path):
    trees.viper(tmp_path)
    image, label = tmp_path / 'train/img/001/001_00020.jpg', tmp_path / 'train/cls/001/001_00020.png'
    image.rename(tmp_path / 'aside.jpg')
    with pytest.raises(FileNotFoundError, match=f'no such image: {image}'):
        ViperDataset(str(tmp_path))
    (tmp_path / 'aside.jpg').rename(image)
    label.unlink()
    with pytest.raises(FileNotFoundError, match=f'no such label: {label}'):
        ViperDataset(str(tmp_path))


def test_stock_pipeline_gives_the_same_labels(tmp_path):
    init_default_scope('mmseg')
    root = str(trees.viper(tmp_path))
    stock = ViperDataset(root, pipeline=[{'type': step} for step in
                                         ('LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs')])  # fmt: skip
    own = ViperDataset(root, pipeline=[{'type': step} for step in ('LoadImage', 'LoadRawLabels', 'PackSegInputs')])
    for index in range(len(stock)):
        labels = [dataset[index]['data_samples'].gt_sem_seg.data for dataset in (stock, own)]
        assert labels[0].equal(labels[1])
        assert set(labels[0].unique().tolist()) == {*range(15), 255}


def test_subset_of_classes(tmp_path):
    dataset = ViperDataset(str(trees.viper(tmp_path)), metainfo={'classes': ('sky', 'vegetation')})
    expected = dict.fromkeys(range(32), 255) | {2: 0, 7: 1, 8: 1}
    assert dataset.get_data_info(0)['label_map'] == expected
    assert dataset.metainfo['palette'] == [PALETTE_15[8], PALETTE_15[6]]
    with pytest.raises(ValueError, match=r"\['pole'\] are no classes"):
        ViperDataset(str(tmp_path), metainfo={'classes': ('sky', 'pole')})


def test_own_palette(tmp_path):
    root = str(trees.viper(tmp_path))
    metainfo = {'classes': ('sky',), 'palette': [[1, 2, 3]]}
    assert ViperDataset(root, metainfo=metainfo).metainfo['palette'] == [[1, 2, 3]]
    with pytest.raises(ValueError, match='2 colours for 1 classes'):
        ViperDataset(root, metainfo=metainfo | {'palette': [[1, 2, 3], [4, 5, 6]]})


def test_reduce_zero_label_is_refused(tmp_path):
    with pytest.raises(ValueError, match='reduce_zero_label'):
        ViperDataset(str(trees.viper(tmp_path)), reduce_zero_label=True)


def test_dropped_sample_raises(tmp_path):
    dataset = ViperDataset(str(trees.viper(tmp_path)))
    dataset.pipeline = Compose([lambda results: None])
    with pytest.raises(ValueError, match=r'returned None for .*001_00020\.jpg'):
        dataset[1]
