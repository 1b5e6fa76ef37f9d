"""Which source images are read, and how often, against the formula and against counting."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from i2vda_mmseg.datasets import DomainPairDataset, DomainPairSampler
from i2vda_mmseg.datasets.class_counts import class_counts
from i2vda_mmseg.datasets.labelled_folder import LabelledFolderDataset
from i2vda_mmseg.errors import ConfigError

YARD = dict(name='yard', classes=['floor', 'crate', 'drum'], source={1: 'floor', 2: 'crate', 3: 'drum'})
LOADING = [dict(type='LoadImage'), dict(type='LoadRawLabels'), dict(type='PackSegInputs')]
CROPPING = [*LOADING[:2], dict(type='RandomCrop', crop_size=(4, 4)), LOADING[2]]


@pytest.fixture
def folder(tmp_path):
    """Ten images of 6x10: floor, five crates of 8 pixels, and two drums of 6 and of 2 pixels."""
    for i in range(10):
        labels = np.ones((6, 10), np.uint8)
        if i < 5:
            labels[:2, :4] = 2
        if i in (8, 9):
            labels[4:, -3 if i == 8 else -1 :] = 3
        for kind, values in (('images', np.full((6, 10, 3), 20 * i, np.uint8)), ('labels', labels)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / kind / f'{i}.png')
    return tmp_path


def source_of(folder, pipeline=LOADING):
    return LabelledFolderDataset(data_root=str(folder), class_space=YARD, pipeline=pipeline)


def pair_of(folder, pipeline=LOADING, **sampling):
    return DomainPairDataset(source_of(folder, pipeline), source_of(folder), rare_class_sampling=sampling)


def test_counts_are_those_of_the_files_and_are_kept(folder):
    counts = class_counts(source_of(folder))
    assert counts[[0, 7, 8, 9]].tolist() == [[52, 8, 0], [60, 0, 0], [54, 0, 6], [58, 0, 2]]
    (cache,) = folder.glob('class_counts_*.json')
    content = json.loads(cache.read_text())
    assert content['classes'] == YARD['classes']
    content['counts'][0] = [1, 2, 3]
    cache.write_text(json.dumps(content))
    assert class_counts(source_of(folder))[0].tolist() == [1, 2, 3]  # read, not counted again
    (folder / 'labels/0.png').write_bytes((folder / 'labels/8.png').read_bytes() + b'\0')
    assert class_counts(source_of(folder))[0].tolist() == [54, 0, 6]  # another file: counted again


def test_classes_are_drawn_by_the_formula(folder):
    pair = pair_of(folder, temperature=0.5, min_pixels=1)
    share = np.array([600 - 40 - 8, 40, 8]) / 600
    expected = np.exp((1 - share) / 0.5)
    expected /= expected.sum()
    sampler = DomainPairSampler(pair, seed=3)
    drums = crates = 0
    for position in range(600):
        label = pair[sampler.index_at(position)]['source']['data_samples'].gt_sem_seg.data
        drums += bool((label == 2).any())
        crates += bool((label == 1).any())
    # an image of a crate shows floor too, and is also one of ten when floor is drawn
    assert abs(drums / 600 - (expected[2] + 0.2 * expected[0])) < 0.06
    assert abs(crates / 600 - (expected[1] + 0.5 * expected[0])) < 0.06


def test_an_image_needs_more_than_the_least_number_of_pixels(folder):
    sampling = pair_of(folder, min_pixels=2).rare_class_sampling
    assert {index: images.tolist() for index, images in sampling.images.items()} == {
        0: [*range(10)], 1: [0, 1, 2, 3, 4], 2: [8],
    }  # fmt: skip
    assert list(pair_of(folder, min_pixels=7).rare_class_sampling.images) == [0, 1]


def test_a_sample_is_a_function_of_seed_and_position(folder):
    pair = pair_of(folder, CROPPING, min_pixels=1, min_crop_pixels=1)
    sampler = DomainPairSampler(pair, seed=5)

    def read(position):
        return pair[sampler.index_at(position)]['source']['inputs']

    first = [read(position) for position in (4, 9)]
    read(0)
    assert torch.equal(read(9), first[1])
    assert torch.equal(read(4), first[0])


def test_crops_are_redrawn_until_they_show_the_class(folder):
    """At this temperature only drums are drawn; a crop of 4x4 in 6x10 seldom shows one by itself."""
    shown = {}
    for tries in (1, 40):
        pair = pair_of(folder, CROPPING, temperature=1e-4, min_pixels=3, min_crop_pixels=3, tries=tries)
        sampler = DomainPairSampler(pair, seed=0)
        labels = [pair[sampler.index_at(i)]['source']['data_samples'].gt_sem_seg.data for i in range(40)]
        shown[tries] = sum(int((label == 2).sum() > 3) for label in labels)
    assert shown[1] < 20
    assert shown[40] > 35


@pytest.mark.parametrize(
    ('sampling', 'said'),
    [
        (dict(min_pixels=100), r'rare_class_sampling\.min_pixels: no image shows a class with more than 100 pixels'),
        (dict(temperature=0), 'temperature must be positive'),
        (dict(tries=0), 'tries at least 1'),
    ],
)
def test_settings_that_cannot_be(folder, sampling, said):
    with pytest.raises(ConfigError, match=said):
        pair_of(folder, **sampling).full_init()


def test_a_source_without_labels_is_refused(folder):
    pair = DomainPairDataset(
        source_of(folder, [LOADING[0], LOADING[2]]), source_of(folder), rare_class_sampling=dict(min_pixels=1)
    )
    with pytest.raises(ConfigError, match='loads no labels'):
        pair.full_init()
