"""What is cut out of which source images, and that it depends on seed and position alone."""

import numpy as np
import pytest
import torch
from PIL import Image

from i2vda_mmseg.datasets import DomainPairDataset, DomainPairSampler
from i2vda_mmseg.datasets.labelled_folder import LabelledFolderDataset
from i2vda_mmseg.errors import ConfigError

YARD = dict(name='yard', classes=['floor', 'crate', 'drum'], source={1: 'floor', 2: 'crate', 3: 'drum'})
LOADING = [dict(type='LoadImage'), dict(type='LoadRawLabels'), dict(type='PackSegInputs')]


@pytest.fixture
def folder(tmp_path):
    """Eight images of 6x10, image i of the colour 20 i: floor, a crate in 0 to 3, and a drum in 6 and in 7."""
    for i in range(8):
        labels = np.ones((6, 10), np.uint8)
        if i < 4:
            labels[:2, i : i + 4] = 2
        if i > 5:
            labels[4:, i - 4 : i - 1] = 3
        for kind, values in (('images', np.full((6, 10, 3), 20 * i, np.uint8)), ('labels', labels)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / kind / f'{i}.png')
    return tmp_path


def pair_of(folder, joint_pipeline=None, loading=LOADING, **patches):
    source, target = (
        LabelledFolderDataset(data_root=str(folder), class_space=YARD, pipeline=pipeline)
        for pipeline in (loading, LOADING)
    )
    return DomainPairDataset(source, target, joint_pipeline, rare_patches=dict(min_pixels=4) | patches)


def read(pair, count=20, seed=3):
    sampler = DomainPairSampler(pair, seed=seed)
    return [pair[sampler.index_at(position)] for position in range(count)]


def test_a_patch_is_a_class_of_an_image_where_it_was(folder):
    shown = set()
    for sample in read(pair_of(folder, number=1, temperature=0.5), count=40):
        image, labels = sample['patches']['inputs'], sample['patches']['data_samples'].gt_sem_seg.data[0]
        (wanted,) = set(labels.flatten().tolist()) - {255}
        (colour,) = set(image[:, labels != 255].flatten().tolist())
        raw = torch.from_numpy(np.asarray(Image.open(folder / f'labels/{colour // 20}.png')))
        assert torch.equal(labels == wanted, raw == wanted + 1)
        assert int(image[:, labels == 255].sum()) == 0
        shown.add((wanted, colour // 20))
    assert {(2, 6), (2, 7), (1, 0), (1, 3)} < shown  # drums are drawn, and crates, each from images that show them
    assert all(index in {1: range(4), 2: (6, 7)}.get(wanted, range(8)) for wanted, index in shown)


def test_several_patches_lie_in_one_picture(folder):
    pair = pair_of(folder, number=3, temperature=0.02)
    shown = [sample['patches']['data_samples'].gt_sem_seg.data for sample in read(pair)]
    assert max(int((labels == 2).sum()) for labels in shown) == 8  # two drums of 2x3, one pixel apart
    assert min(int((labels == 2).sum()) for labels in shown) in (0, 6)


def test_a_sample_is_a_function_of_seed_and_position(folder):
    pair = pair_of(folder, temperature=0.5)
    sampler = DomainPairSampler(pair, seed=5)

    def patches(position):
        sample = pair[sampler.index_at(position)]['patches']
        return sample['inputs'], sample['data_samples'].gt_sem_seg.data

    torch.manual_seed(0)
    first = [patches(position) for position in range(8)]
    assert len({image.numpy().tobytes() for image, _ in first}) > 4
    for position in (6, 1, 6):
        assert all(map(torch.equal, patches(position), first[position]))
    plain = DomainPairDataset(pair.source, pair.target)
    with_and_without = (pair[sampler.index_at(4)], plain[sampler.index_at(4)])
    for domain in ('source', 'target'):
        assert torch.equal(*(sample[domain]['inputs'] for sample in with_and_without))


def test_patches_look_like_the_source_beside_their_target(folder):
    sample = read(pair_of(folder, [dict(type='HistogramMatching')]), count=3)[2]
    image, labels = sample['patches']['inputs'], sample['patches']['data_samples'].gt_sem_seg.data[0]
    colour = sample['target']['inputs'].unique()  # a target image has one
    assert image[:, labels != 255].unique().tolist() == colour.tolist()


def test_settings_that_cannot_be(folder):
    with pytest.raises(ConfigError, match=r'rare_patches\.number: must be at least 1, got 0'):
        pair_of(folder, number=0)
    with pytest.raises(ConfigError, match=r'rare_patches: temperature must be positive'):
        pair_of(folder, temperature=0)
    with pytest.raises(ConfigError, match=r'rare_patches: the pipeline of \w+ loads no labels, .* set rare_patches to'):
        pair_of(folder, loading=[LOADING[0], LOADING[2]]).full_init()
    with pytest.raises(ConfigError, match=r'rare_patches\.min_pixels: no image shows a class with more than 100'):
        pair_of(folder, min_pixels=100).full_init()
    crop = dict(type='RandomResize', scale=(10, 6), ratio_range=(0.5, 2.0))
    with pytest.raises(ConfigError, match='patches of a sample lie in one picture, but source images are'):
        read(pair_of(folder, loading=[*LOADING[:2], crop, LOADING[2]]), count=3)
