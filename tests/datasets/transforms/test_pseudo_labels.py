import numpy as np
import pytest
from mmcv.transforms import Compose

from i2vda_mmseg.datasets import (
    CityscapesSeqDataset,
    LoadPseudoLabels,
    LoadSoftPseudoLabels,
    PackFramePair,
    RareClassCrop,
)
from i2vda_mmseg.fileio.pseudo_labels import (
    read_labels,
    read_soft_labels,
    write_labels,
    write_rare_classes,
    write_soft_labels,
)

from .. import trees

FRAMES = [trees.frame_name(18), trees.frame_name(19)]


def labels(height=8, width=12):
    values = np.random.default_rng(0).integers(0, 15, (height, width))
    values[0] = 255
    return values


def soft_labels(classes=5, height=8, width=12):
    values = np.random.default_rng(1).random((classes, height, width))
    values /= values.sum(axis=0)
    values[:, 0] = 0
    return values


def sample(folder, soft=False, height=8, width=12):
    path = str(folder / 'city/frame.png')
    write_labels(path, labels())
    if soft:
        write_soft_labels(path, soft_labels())
    return dict(pseudo_label_path=path, img=trees.image(0, height, width), seg_fields=[])


def test_files_hold_what_was_written(tmp_path):
    path = str(tmp_path / 'city/frame.png')
    write_labels(path, labels())
    write_soft_labels(path, soft_labels())
    assert (read_labels(path) == labels()).all()
    assert np.abs(read_soft_labels(path) / 255 - soft_labels()).max() <= 0.5 / 255 + 1e-9
    assert not read_soft_labels(path)[:, 0].any()


@pytest.mark.parametrize('factor', [1, 2])
def test_labels_come_at_the_size_of_the_frame(tmp_path, factor):
    results = sample(tmp_path, soft=True, height=8 * factor, width=12 * factor)
    results = Compose([LoadPseudoLabels(), LoadSoftPseudoLabels()])(results)
    larger = labels().repeat(factor, axis=0).repeat(factor, axis=1)
    assert (results['gt_seg_map'] == larger).all()
    assert results['gt_soft_label'].shape == (8 * factor, 12 * factor, 5)
    assert (results['gt_soft_label'][::factor, ::factor].transpose(2, 0, 1) == np.rint(soft_labels() * 255)).all()
    assert results['seg_fields'] == ['gt_seg_map', 'gt_soft_label']


def test_a_sample_without_labels_passes():
    results = dict(img=trees.image())
    assert Compose([LoadPseudoLabels(), LoadSoftPseudoLabels()])(dict(results)).keys() == results.keys()


def test_absent_and_damaged_files_are_named(tmp_path):
    results = sample(tmp_path, soft=True)
    path = tmp_path / 'city/frame.png'
    path.with_suffix('.npz').write_bytes(b'PK no archive')
    with pytest.raises(ValueError, match=r'soft pseudo-label .*frame\.npz cannot be decoded'):
        LoadSoftPseudoLabels()(dict(results))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r'frame\.png cannot be decoded'):
        LoadPseudoLabels()(dict(results))
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'frame\.png'):
        LoadPseudoLabels()(dict(results))


@pytest.mark.parametrize('crop_size', [(4, 6), (10, 14)])
def test_a_crop_cuts_image_and_labels_alike_or_pads_them(tmp_path, crop_size):
    results = Compose([LoadPseudoLabels(), LoadSoftPseudoLabels()])(sample(tmp_path, soft=True))
    results['img'] = np.stack([labels()] * 3, axis=-1).astype(np.uint8)
    results = RareClassCrop(crop_size, pad_val=(1, 2, 3))(results)
    assert results['img_shape'] == results['img'].shape[:2] == crop_size
    inside = np.s_[:8, :12]
    assert (results['img'][inside][..., 0] == results['gt_seg_map'][inside]).all()
    assert (results['gt_soft_label'].any(axis=-1) == (results['gt_seg_map'] != 255))[inside].all()
    if crop_size == (10, 14):
        assert (results['img'][8:] == (1, 2, 3)).all()
        assert (results['gt_seg_map'][:, 12:] == 255).all()
        assert not results['gt_soft_label'][8:].any()


@pytest.mark.parametrize(('probability', 'low', 'high'), [(0.0, 0.02, 0.2), (0.8, 0.7, 0.9), (1.0, 1.0, 1.0)])
def test_crops_look_for_rare_classes(probability, low, high):
    seg = np.zeros((40, 60), np.uint8)
    seg[30, 50] = 3
    np.random.seed(0)  # noqa: NPY002 - transforms draw from the global generator
    crop = RareClassCrop((10, 15), mining_prob=probability)
    found = [
        (crop(dict(img=seg[..., None], gt_seg_map=seg, seg_fields=['gt_seg_map'], rare_classes=[3, 4])))['gt_seg_map']
        for _ in range(300)
    ]
    assert low <= np.mean([(labels == 3).any() for labels in found]) <= high


def test_pairs_know_their_labels(tmp_path):
    trees.cityscapes(tmp_path, FRAMES, FRAMES[1:])
    (tmp_path / 'labels').mkdir()
    write_rare_classes(str(tmp_path / 'labels'), [4, 7])
    root = str(tmp_path / 'labels')
    dataset = CityscapesSeqDataset(str(tmp_path), pairs='labelled', pseudo_label_root=root)
    info = dataset.get_data_info(0)
    assert info['pseudo_label_path'] == f'{root}/{FRAMES[1]}.png'
    assert info['rare_classes'] == [4, 7]
    assert 'pseudo_label_path' not in CityscapesSeqDataset(str(tmp_path), pairs='labelled').get_data_info(0)


def test_labels_are_packed_and_one_image_is_a_pair(tmp_path):
    results = Compose([LoadPseudoLabels(), LoadSoftPseudoLabels()])(sample(tmp_path, soft=True))
    packed = PackFramePair()(results)
    frames, data_sample = packed['inputs'].numpy(), packed['data_samples']
    assert (frames == results['img'].transpose(2, 0, 1)).all()
    assert frames.shape == (2, 3, 8, 12)
    assert (data_sample.gt_sem_seg.data.numpy() == labels()[None]).all()
    assert data_sample.gt_soft_label.data.shape == (5, 8, 12)
