"""Class spaces as data: dicts, YAML and JSON, and the published ones."""

import json
from itertools import combinations

import pytest
import yaml

from i2vda_mmseg.datasets import class_space_of
from i2vda_mmseg.datasets.class_space import PACKAGED
from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_RAW_IDS, SYNTHIA_RAW_IDS, VIPER_RAW_IDS
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.evaluation.protocols import PROTOCOLS, register_class_space

MERGED = {'person', 'rider'}
YARD = dict(
    name='yard', classes=['floor', 'crate', 'sign'], source={3: 'floor', 17: 'crate', 9: 'sign', 200: None},
    target={0: 'floor', 1: 'crate'}, ignored=[77], not_reported=['sign'],
)  # fmt: skip


def test_what_is_written_is_what_is_read():
    space = class_space_of(YARD)
    assert space.raw_to_class('source') == {3: 0, 17: 1, 9: 2}
    assert space.raw_ids('source') == (3, 9, 17, 77, 200, 255)
    assert space.raw_ids('target') == (0, 1, 77, 255)
    assert class_space_of(space.to_dict()) == space


@pytest.mark.parametrize('ending', ['yaml', 'yml', 'json'])
def test_files(tmp_path, ending):
    path = tmp_path / f'own.{ending}'
    path.write_text(json.dumps(YARD) if ending == 'json' else yaml.safe_dump(YARD))
    assert class_space_of(path) == class_space_of(str(path)) == class_space_of(YARD)
    unnamed = {key: value for key, value in YARD.items() if key != 'name'}
    path.write_text(json.dumps(unnamed))
    assert class_space_of(path).name == 'own'


def test_colours_are_those_of_cityscapes_and_otherwise_different():
    space = class_space_of(dict(classes=['road', *(f'part {i}' for i in range(40))]))
    assert space.palette[0] == (128, 64, 128)
    distances = [sum(abs(x - y) for x, y in zip(*pair)) for pair in combinations(space.palette, 2)]
    assert min(distances) > 10


@pytest.mark.parametrize('name', sorted(path.stem for path in PACKAGED.glob('*.yaml')))
def test_published_files_name_every_raw_id(name):
    space = class_space_of(name)
    gta = [*range(35)]  # Cityscapes' label ids, and 34 for its -1
    ids = dict(viper=VIPER_RAW_IDS.values(), synthia=SYNTHIA_RAW_IDS.values(), cityscapes=gta)
    (source,) = (ids[data] for data in ids if name.startswith(data))
    assert set(space.raw_ids('source')) == {*source, 255}
    assert set(space.raw_ids('target')) == set(CITYSCAPES_RAW_IDS.values())
    by_name = {label: raw for raw, label in space.target.items() if label not in MERGED}
    assert by_name == {label: CITYSCAPES_RAW_IDS[label] for label in space.classes if label not in MERGED}


def test_published_protocols_are_about_what_their_papers_say():
    """Counts and merged ids of DA-VSN's code and of UnifiedVideoDA, written down a second time."""
    protocols = {path.stem: PROTOCOLS[path.stem] for path in PACKAGED.glob('*.yaml')}
    counts = {name: (each.trained, len(each.reported), len(each.ignored_ids)) for name, each in protocols.items()}
    assert counts == {
        'viper15': (15, 15, 19), 'viper15-no-rider': (15, 15, 20), 'synthia11': (12, 11, 23),
        'synthia11-strict': (11, 11, 24), 'cityscapes19': (19, 19, 16),
    }  # fmt: skip
    viper = class_space_of('viper15')
    assert (viper.source[7], viper.source[8], viper.target[24], viper.target[25]) == (
        'vegetation', 'vegetation', 'person', 'person',
    )  # fmt: skip
    assert 25 in class_space_of('viper15-no-rider').ignored['target']


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(classes=['floor', 'crate', 'floor']), "classes: 'floor' is named twice"),
        (dict(classes='floor'), "classes: expected a list of names, got 'floor'"),
        (dict(classes=['floor']), 'classes: expected 2 to 254 of them, got 1'),
        (dict(source={3: 'flor'}), r"source: raw id 3 is 'flor', which is no class; they are \['floor'"),
        (dict(target={300: 'floor'}), r'target: a raw id is a whole number in 0\.\.255.*got 300'),
        (dict(source=['floor']), r"source: expected \{raw id: class\}, got \['floor'\]"),
        (dict(ignored=[17]), 'ignored: raw id 17 of the source has a class as well'),
        (dict(not_reported=['bush']), r"not_reported: \['bush'\] are no classes"),
        (dict(palette=[[1, 2, 3]]), 'palette: 1 colours for 3 classes'),
        (
            dict(palette=[[1, 2, 3], [4, 5, 6], [7, 8, 999]]),
            "palette: the colour of 'sign' must be three whole numbers",
        ),
        (dict(clases=[]), r"unknown keys \['clases'\]; known are"),
    ],
)
def test_mistakes_are_named_with_file_and_key(tmp_path, change, said):
    path = tmp_path / 'own.yaml'
    path.write_text(yaml.safe_dump(YARD | change))
    with pytest.raises(ConfigError, match=said) as caught:
        class_space_of(path)
    assert str(caught.value).startswith(f'{path}: ')
    with pytest.raises(ConfigError, match=said):
        class_space_of(YARD | change)


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / 'own.yaml'
    path.write_text('classes: [a, b\nsource: {}\n')
    with pytest.raises(ConfigError, match=r'own\.yaml: line \d+ cannot be read: '):
        class_space_of(path)
    with pytest.raises(FileNotFoundError, match=r'no file absent\.yaml; give a YAML or JSON file, a dict, or one'):
        class_space_of('absent.yaml')


def test_a_published_name_stays_what_it_is_about():
    assert register_class_space(class_space_of('viper15')) == 'viper15'
    with pytest.raises(ConfigError, match=r"class_space\.name: 'viper15' is a published protocol"):
        register_class_space(class_space_of(YARD | dict(name='viper15')))
