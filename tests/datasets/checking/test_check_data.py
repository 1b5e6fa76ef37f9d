"""Every fault of a data root is found, each with the file it is in."""

import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from i2vda_mmseg.datasets.checking import check_data
from i2vda_mmseg.datasets.checking.index import find_datasets

from .. import trees

FRAMES = [trees.frame_name(number) for number in range(17, 21)]


@pytest.fixture
def config(tmp_path):
    """Train (source and target), val and test on small trees without faults."""
    init_default_scope('mmseg')
    trees.viper(tmp_path / 'viper')
    trees.cityscapes(tmp_path / 'cityscapes', FRAMES)
    trees.cityscapes(tmp_path / 'cityscapes', FRAMES, [FRAMES[2]], split='val')
    target = dict(type='CityscapesSeqDataset', data_root=str(tmp_path / 'cityscapes'), pairs='consecutive')
    val = dict(dataset=dict(type='CityscapesSeqDataset', data_root=str(tmp_path / 'cityscapes'), split='val'))
    source = dict(type='ViperDataset', data_root=str(tmp_path / 'viper'))
    pair = dict(dataset=dict(type='DomainPairDataset', source=source, target=target))
    return dict(train_dataloader=pair, val_dataloader=val, test_dataloader=val)


def found(report):
    return {(fault.role, fault.kind, fault.path.rsplit('/', 1)[1]) for fault in report.faults}


@pytest.mark.parametrize('deep', [False, True])
@pytest.mark.parametrize('workers', [1, 3])
def test_whole_data_have_no_faults_but_other_counts(config, deep, workers):
    report = check_data(config, deep, workers)
    assert report.faults == []
    figures = [(item.role, item.samples, item.files, item.published, item.warnings) for item in report.summaries]
    assert figures == [
        ('train source', 3, 6, '13,367 frames', ['3 frames, but the published data have 13,367 frames']),
        ('train target', 3, 4, '2,975 clips', ['1 clips, but the published data have 2,975 clips']),
        ('val, test', 1, 2, '500 clips', ['1 clips, but the published data have 500 clips']),
    ]


def test_all_faults_of_the_index_are_collected(config, tmp_path):
    for name in ('001/001_00010', '001/001_00020'):
        (tmp_path / f'viper/train/img/{name}.jpg').unlink()
    label = tmp_path / 'viper/train/cls/002/002_00010.png'
    label.unlink()
    label.mkdir()
    trees.frame_path(tmp_path / 'cityscapes', FRAMES[1]).unlink()
    trees.frame_path(tmp_path / 'cityscapes', FRAMES[2], 'val').unlink()
    trees.write_image(tmp_path / 'cityscapes/leftImg8bit_sequence/train/ulm/cover_leftImg8bit.png', trees.image())
    report = check_data(config)
    assert found(report) == {
        ('train source', 'index', '001_00010.jpg'), ('train source', 'index', '001_00020.jpg'),
        ('train source', 'index', '002_00010.png'), ('train target', 'index', 'cover_leftImg8bit.png'),
        ('train target', 'index', 'ulm_000000_000017_leftImg8bit.png'),
        ('val, test', 'index', 'ulm_000000_000019_leftImg8bit.png'),
    }  # fmt: skip
    assert all(fault.path in fault.message for fault in report.faults)


def test_a_wrong_root_does_not_hide_the_other_data(config, tmp_path):
    config['train_dataloader']['dataset']['source']['data_root'] = str(tmp_path / 'nowhere')
    config['val_dataloader']['dataset']['colour'] = 'red'
    trees.frame_path(tmp_path / 'cityscapes', FRAMES[0]).write_bytes(b'')
    first, second, third = check_data(config).faults
    assert 'no such folder: ' in first.message
    assert first.path == str(tmp_path / 'nowhere')
    assert second.message.endswith('is an empty file. Is the download complete? Fetch the file again, or take it off '
                                   'the list.')  # fmt: skip
    assert third.role == 'val, test'
    assert "unexpected keyword argument 'colour'" in third.message


def test_headers_and_sizes_are_looked_at_without_decoding(config, tmp_path):
    image, label = tmp_path / 'viper/train/img/001/001_00010.jpg', tmp_path / 'viper/train/cls/001/001_00020.png'
    image.write_bytes(image.read_bytes()[:-40])
    trees.write_index_label(label, trees.raw_label(range(32), height=6))
    frame = trees.frame_path(tmp_path / 'cityscapes', FRAMES[3])
    trees.write_image(frame, trees.image(height=10))
    trees.write_red_label(trees.label_path(tmp_path / 'cityscapes', FRAMES[2], 'val'), trees.raw_label(range(3)))
    report = check_data(config)
    assert found(report) == {
        ('train source', 'file', image.name), ('train source', 'size', label.name),
        ('train target', 'size', trees.frame_path(tmp_path, FRAMES[2]).name),
        ('val, test', 'file', 'ulm_000000_000019_gtFine_labelIds.png'),
    }  # fmt: skip
    size = next(fault for fault in report.faults if fault.role == 'train target')
    assert size.message == (
        f'{size.path} has 12x8 pixels, but {frame} has 12x10 (width x height); the frames of a pair must have one size.'
    )


def test_only_the_deep_check_finds_flipped_bits_and_unknown_ids(config, tmp_path):
    frame = trees.frame_path(tmp_path / 'cityscapes', FRAMES[0])
    data = bytearray(frame.read_bytes())
    data[60] ^= 1
    frame.write_bytes(data)
    trees.write_index_label(tmp_path / 'viper/train/cls/001/001_00010.png', np.full((8, 12), 77))
    assert check_data(config).faults == []
    report = check_data(config, deep=True, workers=2)
    assert found(report) == {('train source', 'ids', '001_00010.png'), ('train target', 'file', frame.name)}
    assert 'holds the unknown raw ids [77]; known are 0..31' in report.faults[0].message


def test_the_report_is_written_as_json(config, tmp_path):
    (tmp_path / 'viper/train/img/001/001_00010.jpg').write_bytes(b'')
    check_data(config).write(tmp_path / 'new/faults.json')
    content = json.loads((tmp_path / 'new/faults.json').read_text())
    assert [item['faults'] for item in content['data_sets']] == [1, 0, 0]
    assert content['deep'] is False
    (fault,) = content['faults']
    assert fault['kind'] == 'file'
    assert fault['path'].endswith('001_00010.jpg')


def test_synthia_has_two_published_counts(tmp_path):
    root = trees.synthia(tmp_path, rearranged=True)
    config = dict(val_dataloader=dict(dataset=dict(type='SynthiaSeqDataset', data_root=str(root))))
    (summary,) = check_data(config, deep=True).summaries
    assert summary.warnings == ['3 frames, but the published data have 850 or 849 frames']


def test_data_sets_within_data_sets():
    inner = [dict(type=kind) for kind in 'ab']
    wrapped = dict(type='RepeatDataset', dataset=dict(type='ConcatDataset', datasets=inner))
    found = find_datasets(dict(train_dataloader=dict(dataset=wrapped), test_dataloader=dict(dataset=inner[1])))
    assert found == {'train 1': inner[0], 'train 2, test': inner[1]}
    with pytest.raises(ValueError, match='the config has no data set'):
        find_datasets(dict(val_dataloader=None))


def test_workers_must_be_positive(config):
    with pytest.raises(ValueError, match='workers must be at least 1, got 0'):
        check_data(config, workers=0)


@pytest.mark.parametrize(('options', 'count'), [
    (dict(pairs='labelled'), 2), (dict(pairs='labelled', stride=3), 2), (dict(pairs='labelled', frames=3), 2),
    (dict(pairs='consecutive'), 2), (dict(pairs='consecutive', stride=3), 2), (dict(pairs='consecutive', frames=3), 2),
    (dict(), 2), (dict(pairs='consecutive', frames=3, stride=2), 2),
])  # fmt: skip
def test_clips_are_counted_however_frames_are_paired(tmp_path, options, count):
    labelled = [trees.frame_name(number) for number in (294, 324)]
    trees.cityscapes(tmp_path, [trees.frame_name(number) for number in range(275, 335)], labelled)
    target = dict(type='CityscapesSeqDataset', data_root=str(tmp_path)) | options
    (summary,) = check_data(dict(train_dataloader=dict(dataset=target))).summaries
    assert summary.warnings == [f'{count} clips, but the published data have 2,975 clips']


def test_own_frames_are_not_compared_with_cityscapes(tmp_path):
    for number in range(3):
        trees.write_image(tmp_path / f'frames/drive/{number}.jpg', trees.image())
    target = dict(type='CityscapesSeqDataset', data_root=str(tmp_path), pairs='consecutive', img_suffix='.jpg')
    target['data_prefix'] = dict(img_path='frames')
    (summary,) = check_data(dict(train_dataloader=dict(dataset=target))).summaries
    assert (summary.samples, summary.published, summary.warnings) == (2, '', [])
