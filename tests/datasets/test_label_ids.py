"""Label ids and train ids of Cityscapes are told apart by name, by setting and by content."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from i2vda_mmseg.datasets.checking import check_data
from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_RAW_IDS, CLASSES_15
from i2vda_mmseg.evaluation import PROTOCOLS, domain_iou_metric
from i2vda_mmseg.evaluation.protocols import require_labels

from . import trees

NAME = trees.frame_name(19)
# Cityscapes' own table: what the converter makes of each label id; the others become 255.
TRAIN_ID_OF = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13,
               27: 14, 28: 15, 31: 16, 32: 17, 33: 18}  # fmt: skip


def labels_as(root, ending):
    """A frame with a label of all ids, as label ids and, under another name, converted to train ids."""
    trees.cityscapes(root, [NAME], split='val')
    raw = trees.raw_label([*range(34), 255])
    converted = np.vectorize(lambda value: TRAIN_ID_OF.get(value, 255))(raw)
    folder = trees.label_path(root, NAME, 'val').parent
    trees.write_index_label(folder / f'{NAME.split("/")[1]}{ending}', converted)
    trees.write_index_label(trees.label_path(root / 'raw', NAME, 'val'), raw)
    trees.cityscapes(root / 'raw', [NAME], split='val')


def build(root, **options):
    pipeline = [dict(type='LoadImage'), dict(type='LoadRawLabels')]
    return DATASETS.build(
        dict(type='CityscapesSeqDataset', data_root=str(root), split='val', pipeline=pipeline, **options)
    )


@pytest.mark.parametrize(
    ('ending', 'way'),
    [
        ('_gtFine_labelTrainIds.png', "label_ids='trainIds'"),
        ('_labelTrainIds.png', "label_ids='trainIds'"),
        ('_gtFine_color.png', '_gtFine_labelIds.png'),
        ('_gtFine_instanceIds.png', '_gtFine_labelIds.png'),
        ('_gtCoarse_instanceTrainIds.png', '_gtFine_labelIds.png'),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, ending, way):
    labels_as(tmp_path, ending)
    with pytest.raises(ValueError, match=f'{ending}.*{way}'):
        build(tmp_path, seg_map_suffix=ending)


def test_label_ids_are_not_read_as_train_ids(tmp_path):
    labels_as(tmp_path, '_gtFine_labelTrainIds.png')
    with pytest.raises(ValueError, match="label_ids='labelIds'"):
        build(tmp_path / 'raw', label_ids='trainIds', seg_map_suffix='_gtFine_labelIds.png')
    with pytest.raises(FileNotFoundError, match=r"_gtFine_labelIds\.png(.|\n)*label_ids='trainIds'"):
        build(tmp_path)
    with pytest.raises(ValueError, match=r"label_ids='ids' is unknown; choose one of .*'trainIds'"):
        build(tmp_path, label_ids='ids')


@pytest.mark.parametrize('space', ['viper15', 'viper15-no-rider', 'synthia12'])
def test_train_ids_mean_the_same_classes(tmp_path, space):
    labels_as(tmp_path, '_gtFine_labelTrainIds.png')
    expected = build(tmp_path / 'raw', class_space=space)
    found = build(tmp_path, class_space=space, label_ids='trainIds')
    np.testing.assert_array_equal(found[0]['gt_seg_map'], expected[0]['gt_seg_map'])
    assert len(np.unique(found[0]['gt_seg_map'])) == len(found.metainfo['classes']) + 1
    subset = dict(metainfo=dict(classes=('car', 'road')), class_space=space)
    both = [
        build(root, **subset, **ids)[0]
        for root, ids in ((tmp_path / 'raw', {}), (tmp_path, dict(label_ids='trainIds')))
    ]
    np.testing.assert_array_equal(both[0]['gt_seg_map'], both[1]['gt_seg_map'])


def test_a_protocol_looks_at_train_ids_too(tmp_path):
    labels_as(tmp_path, '_gtFine_labelTrainIds.png')
    for space, protocol in (
        ('viper15', 'viper15'),
        ('viper15-no-rider', 'viper15-no-rider'),
        ('synthia12', 'synthia11'),
    ):
        require_labels(protocol, build(tmp_path, class_space=space, label_ids='trainIds').metainfo)
    with pytest.raises(ValueError, match=r'25 \(rider\)'):
        require_labels('viper15', build(tmp_path, class_space='viper15-no-rider', label_ids='trainIds').metainfo)
    assert CITYSCAPES_RAW_IDS['rider'] in PROTOCOLS['viper15-no-rider'].ignored_ids


def test_label_ids_named_as_train_ids_are_refused_by_what_they_hold(tmp_path):
    labels_as(tmp_path, '_gtFine_labelTrainIds.png')
    label = trees.label_path(tmp_path, NAME, 'val')
    label.with_name(label.name.replace('labelIds', 'labelTrainIds')).write_bytes(
        trees.label_path(tmp_path / 'raw', NAME, 'val').read_bytes()
    )
    with pytest.raises(ValueError, match=r'unknown raw ids \[19, 20.*known are 0\.\.18, 255'):
        build(tmp_path, label_ids='trainIds')[0]


@pytest.mark.parametrize('renamed', [True, False])
def test_renamed_train_ids_are_noticed_by_what_they_hold(tmp_path, renamed):
    init_default_scope('mmseg')
    labels_as(tmp_path, '_gtFine_labelIds.png')
    dataset = dict(type='CityscapesSeqDataset', data_root=str(tmp_path if renamed else tmp_path / 'raw'), split='val')
    config = dict(test_dataloader=dict(dataset=dataset))
    for deep in (True, False):
        warnings = [text for item in check_data(config, deep).summaries for text in item.warnings if 'ids' in text]
        assert len(warnings) == renamed
        assert all("label_ids='trainIds'" in text for text in warnings)


@pytest.mark.parametrize('renamed', [True, False])
def test_a_test_on_renamed_train_ids_says_so(tmp_path, renamed, monkeypatch):
    said = []
    monkeypatch.setattr(domain_iou_metric, 'print_log', lambda text, **_: said.append(text))
    labels_as(tmp_path, '_gtFine_labelIds.png')
    data = build(tmp_path if renamed else tmp_path / 'raw')
    metric = domain_iou_metric.DomainIoUMetric('viper15')
    metric.dataset_meta = data.metainfo
    labels = dict(data=torch.from_numpy(data[0]['gt_seg_map'])[None])
    metric.process({}, [dict(gt_sem_seg=labels, pred_sem_seg=labels)])
    metric.evaluate(1)
    assert sum("set label_ids='trainIds'" in text for text in said) == renamed


def test_pairs_take_their_names_from_any_files(tmp_path):
    """No label is read for them."""
    trees.cityscapes(tmp_path, [trees.frame_name(18)], split='val')
    labels_as(tmp_path, '_gtFine_labelTrainIds.png')
    pairs = build(tmp_path, pairs='labelled', seg_map_suffix='_gtFine_labelTrainIds.png')
    assert len(pairs) == 1
    assert pairs.metainfo['classes'] == CLASSES_15
