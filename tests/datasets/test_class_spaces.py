"""The tables, typed a second time from the published ones: class -> raw ids, by name."""

import pytest

from i2vda_mmseg.datasets import CityscapesSeqDataset, SynthiaSeqDataset, ViperDataset, class_spaces

CLASSES_15 = 'road sidewalk building fence traffic_light traffic_sign vegetation terrain sky person car truck bus ' \
             'motorcycle bicycle'  # fmt: skip
VIPER_15 = [[3], [4], [9], [11], [13], [14], [7, 8], [6], [2], [20], [24], [27], [26], [23], [22]]
CITYSCAPES_15 = [[7], [8], [11], [13], [19], [20], [21], [22], [23], [24, 25], [26], [27], [28], [32], [33]]
CLASSES_12 = 'road sidewalk building fence pole traffic_light traffic_sign vegetation sky person rider car'
SYNTHIA_12 = [[3], [4], [2], [5], [7], [15], [9], [6], [1], [10], [11], [8]]
CITYSCAPES_12 = [[7], [8], [11], [13], [17], [19], [20], [21], [23], [24], [25], [26]]


def split(names):
    return [name.replace('_', ' ') for name in names.split()]


@pytest.mark.parametrize(('table', 'expected'), [
    (class_spaces.VIPER_TO_15, VIPER_15),
    (class_spaces.CITYSCAPES_TO_15, CITYSCAPES_15),
    (class_spaces.SYNTHIA_TO_12, SYNTHIA_12),
    (class_spaces.CITYSCAPES_TO_12, CITYSCAPES_12),
])  # fmt: skip
def test_tables(table, expected):
    assert [sorted(raw for raw in table if table[raw] == index) for index in range(len(expected))] == expected
    assert set(table.values()) == set(range(len(expected)))


def test_names_and_colours():
    assert list(class_spaces.CLASSES_15) == split(CLASSES_15)
    assert list(class_spaces.CLASSES_12) == split(CLASSES_12)
    for palette in (class_spaces.PALETTE_15, class_spaces.PALETTE_12):
        assert len({tuple(color) for color in palette}) == len(palette)


@pytest.mark.parametrize(('dataset', 'known', 'expected'), [
    (ViperDataset('/nowhere', lazy_init=True), set(range(32)), VIPER_15),
    (SynthiaSeqDataset('/nowhere', lazy_init=True), set(range(16)), SYNTHIA_12),
    (CityscapesSeqDataset('/nowhere', lazy_init=True), {*range(34), 255}, CITYSCAPES_15),
    (CityscapesSeqDataset('/nowhere', class_space='synthia12', lazy_init=True), {*range(34), 255}, CITYSCAPES_12),
])  # fmt: skip
def test_label_maps_are_total(dataset, known, expected):
    index_of = {raw: index for index, raws in enumerate(expected) for raw in raws}
    assert dataset.label_map == {raw: index_of.get(raw, 255) for raw in known}
