"""Data sets that are known by name: tiny trees in their layouts become lists, class spaces and samples."""

import runpy
from importlib.resources import files

import numpy as np
import pytest
import setuptools
from mmseg.registry import DATASETS

from datasets.preparing.downloads import FILES, HEIGHT, WIDTH, tree, write, write_label
from i2vda_mmseg.datasets.class_space import class_space_of
from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_TRAIN_IDS
from i2vda_mmseg.datasets.preparing import Preparation, common_class_space, known_data, known_names, read_prepared
from i2vda_mmseg.datasets.preparing.colours import colours_to_ids
from i2vda_mmseg.errors import ConfigError


def test_every_data_set_is_tried():
    assert set(FILES) == set(known_names())


@pytest.mark.parametrize('name', FILES)
def test_a_download_becomes_samples(tmp_path, name):
    data, split, ids = tree(tmp_path / 'raw', name)
    preparation = Preparation(data, tmp_path / 'raw', tmp_path / 'out')
    preparation.run(is_partial=True)
    prepared = read_prepared(tmp_path / 'out')
    found = prepared.splits[split]
    assert (found.images, found.size) == (1, (WIDTH, HEIGHT))

    count = data.splits[split].count
    expected = [f'{split}: 1 labelled images, but the data set has {count:,}'] if count else []
    assert [line for line in preparation.findings if line.startswith(f'{split}:')] == expected
    space = common_class_space(prepared, prepared)
    pipeline = [dict(type='LoadImage'), dict(type='LoadRawLabels'), dict(type='PackSegInputs')]
    dataset = DATASETS.build(dict(found.config, class_space=space.to_dict(), pipeline=pipeline))
    names = ['' if data.labels[raw] is None else data.labels[raw] for raw in ids.ravel()]
    wanted = [space.classes.index(each) if each else 255 for each in names]
    assert dataset[0]['data_samples'].gt_sem_seg.data.ravel().tolist() == wanted


@pytest.mark.parametrize('name', FILES)
def test_tables_are_whole(name):
    data = known_data(name)
    classes = set(data.labels.values()) - {None}
    assert classes <= {*CITYSCAPES_TRAIN_IDS, 'vehicle'}
    assert set(data.covers) <= classes
    assert not classes & {finer for finers in data.covers.values() for finer in finers} - {'truck', 'motorcycle'}
    if data.colours:
        assert [*data.labels] == [*range(len(set(data.colours)))]


def test_an_installation_carries_the_tables(monkeypatch, request):
    settings = {}
    monkeypatch.setattr(setuptools, 'setup', settings.update)
    monkeypatch.chdir(request.config.rootpath)
    runpy.run_path('setup.py')
    for package in ('i2vda_mmseg.datasets', 'i2vda_mmseg.datasets.preparing'):
        root = files(package)
        carried = {path for pattern in settings['package_data'][package] for path in root.glob(pattern)}
        assert carried == set(root.glob('*/*.yaml'))
        assert carried


def test_unlabelled_drives_are_a_target(tmp_path):
    data, _, _ = tree(tmp_path / 'raw', 'kitti-step')
    for number in range(3):
        write(tmp_path / f'raw/testing/image_02/0007/{number:06d}.png', np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    prepared = Preparation(data, tmp_path / 'raw', tmp_path / 'out').run(is_partial=True)
    pairs = DATASETS.build(dict(prepared.frames['test'], class_space='viper15', pipeline=[dict(type='LoadFramePair')]))
    assert len(pairs) == 2


def test_names_tell_the_splits_of_camvid_apart():
    splits = known_data('camvid').splits
    held = {
        '0016E5_07959': 'val', '0016E5_08159': 'val', '0016E5_07980': 'train', '0016E5_08160': 'train',
        '0016E5_07950': 'train', '0006R0_f00930': 'train', '0001TP_008520': 'train', '0001TP_008550': 'test',
        '0001TP_010380': 'test', 'Seq05VD_f05100': 'test',
    }  # fmt: skip
    for name, expected in held.items():
        assert [split for split, about in splits.items() if about.holds(name)] == [expected], name


def test_a_complete_data_set_has_no_findings(tmp_path):
    data, _, ids = tree(tmp_path / 'raw', 'carla')
    write(tmp_path / 'raw/rgb/000101.png', np.full((HEIGHT, WIDTH, 3), 60, np.uint8))
    write_label(tmp_path / 'raw/semantic/000101.png', data, ids)
    preparation = Preparation(data, tmp_path / 'raw', tmp_path / 'out')
    prepared = preparation.run()
    assert preparation.findings == []
    frames = prepared.frames['train']
    pairs = DATASETS.build(dict(frames, class_space='viper15', pipeline=[dict(type='LoadFramePair')]))
    assert pairs.get_data_info(0)['frame_keys'] == ('000100.png', '000101.png')


def test_what_is_wrong_is_found_and_left_out(tmp_path):
    data, _, ids = tree(tmp_path, 'gta5')
    for number in range(2, 7):
        write(tmp_path / f'images/{number:05d}.png', np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
        write_label(tmp_path / f'labels/{number:05d}.png', data, ids)
    write_label(tmp_path / 'labels/00002.png', data, ids[:, :4])
    write_label(tmp_path / 'labels/00003.png', data, np.full_like(ids, 77))
    (tmp_path / 'images/00004.png').write_bytes((tmp_path / 'images/00004.png').read_bytes()[:40])
    (tmp_path / 'labels/00005.png').unlink()
    (tmp_path / 'images/00006.png').unlink()
    preparation = Preparation(data, tmp_path, tmp_path / 'out')
    assert preparation.run() is None
    assert not (tmp_path / 'out').exists()
    said = '\n'.join(preparation.findings)
    for part in (
        'train: labels without an image: 00006',
        'train: images without a label: 00005',
        'images/00002.png has 10x6 pixels, its label 4x6',
        'label labels/00003.png holds the unknown raw ids [77]',
        'image images/00004.png',
        'train: 1 labelled images, but the data set has 24,966',
    ):
        assert part in said
    prepared = Preparation(data, tmp_path, tmp_path / 'out').run(is_partial=True)
    assert prepared.splits['train'].images == 1
    assert (tmp_path / 'out/train.txt').read_text() == '00001\n'


@pytest.mark.parametrize(
    ('name', 'make', 'said'),
    [
        ('gta5', lambda root: (root / 'pictures').mkdir(), 'is not laid out as GTA5 .*expected the folders images and'),
        ('bdd100k', lambda root: None, r'labels/sem_seg/masks/\{split\}, or .* \(\{split\}: train, val\); --images'),
        ('gta5', lambda root: [(root / name).mkdir() for name in ('images', 'labels')], 'no labelled image'),
        ('moon', lambda root: None, "there is no data set 'moon'; known are acdc, bdd100k"),
    ],
)  # fmt: skip
def test_wrong_places_are_named(tmp_path, name, make, said):
    make(tmp_path)
    with pytest.raises((OSError, ValueError), match=said):
        Preparation(known_data(name), tmp_path, tmp_path / 'out').run()


def test_labels_of_another_kind_are_refused(tmp_path):
    data, _, ids = tree(tmp_path, 'gta5')
    write(tmp_path / 'labels/00001.png', np.dstack([ids] * 3))
    with pytest.raises(ValueError, match=r'00001\.png is a PNG of 8-bit RGB; expected one 8-bit channel of raw ids'):
        Preparation(data, tmp_path, tmp_path / 'out').run()


def test_colours_are_looked_up(tmp_path):
    colours = known_data('camvid').colours
    ids = np.random.default_rng(0).permutation(len(colours)).astype(np.uint8).reshape(4, 8)
    write(tmp_path / 'label.png', np.array(colours, np.uint8)[ids])
    np.testing.assert_array_equal(colours_to_ids(str(tmp_path / 'label.png'), colours), ids)
    write(tmp_path / 'label.png', np.full((2, 3, 3), (255, 255, 254), np.uint8))
    with pytest.raises(ConfigError, match=r'holds the colour \(255, 255, 254\) in 6 pixels, which is that of no class'):
        colours_to_ids(str(tmp_path / 'label.png'), colours)


def test_a_class_that_covers_others_takes_them_in(tmp_path):
    prepared = {}
    for name in ('gta5', 'shift', 'camvid-segnet', 'synthia-rand'):
        data, _, _ = tree(tmp_path / name, name)
        prepared[name] = Preparation(data, tmp_path / name, tmp_path / 'out' / name).run(is_partial=True)
    space = common_class_space(prepared['gta5'], prepared['shift'])
    assert space.classes[-1] == 'vehicle'
    assert {space.source[raw] for raw in (26, 27, 28, 31, 32, 33)} == {'vehicle'}
    assert space.source[25] == space.source[24] == 'person'
    assert space.raw_to_class('target')[10] == len(space.classes) - 1
    space = common_class_space(prepared['gta5'], prepared['camvid-segnet'])
    assert [space.source.get(raw) for raw in (12, 22, 27, 33)] == [None, 'vegetation', 'car', 'rider']
    assert 12 in space.ignored['source']
    assert common_class_space(prepared['synthia-rand'], prepared['gta5']).source[11] == 'bicycle'
    assert class_space_of(space.to_dict()) == space
