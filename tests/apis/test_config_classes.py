"""A class space in a config is filled in wherever classes are asked for."""

import pytest
from mmseg.registry import DATASETS, MODELS

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.errors import ConfigError

YARD = "dict(name='yard', classes=['floor', 'crate', 'sign'], source={3: 'floor', 17: 'crate', 9: 'sign'})"


@pytest.fixture
def written(tmp_path, request):
    """Write a config over a leaf, with a class space; returns what is read."""

    def write(leaf, space=YARD, more=''):
        path = tmp_path / 'own.py'
        path.write_text(f"_base_ = '{request.config.rootpath}/configs/{leaf}'\nclass_space = {space}\n{more}")
        return load_config(str(path))

    return write


def test_things_are_named_and_never_those_of_other_classes(written):
    leaf = 'mic/deeplabv2_r101_viper2cs.py'
    named = written(leaf, more="model = dict(thing_classes=['crate', 'sign'])\n").model
    assert list(named.thing_classes) == [1, 2]
    assert written(leaf, more='model = dict(thing_classes=None)\n').model.thing_classes is None
    with pytest.raises(ConfigError, match=r'thing_classes: \[4, 5, .* are indices.* name the things among .*crate'):
        written(leaf)
    with pytest.raises(ConfigError, match=r"thing_classes: \['car'\] are none of the classes"):
        written(leaf, more="model = dict(thing_classes=['car'])\n")
    gta = written('mic/daformer_mit-b5_gta2cs.py', space="'cityscapes19'").model
    assert list(gta.thing_classes) == [6, 7, 11, 12, 13, 14, 15, 16, 17, 18]


@pytest.mark.parametrize(
    ('leaf', 'channels'),
    [
        ('i2vda/deeplabv2_r101_viper2cs_dis.py', [3]),
        ('adaptsegnet/deeplabv2_r101_synthia2cs_multi-level.py', [3, 3]),
        ('davsn/deeplabv2_r101_viper2cs.py', [6, 6, 6, 6]),
    ],
)
def test_heads_and_discriminators_have_its_classes(written, leaf, channels):
    model = written(leaf).model
    heads = [model.segmentor[name] for name in ('decode_head', 'auxiliary_head') if model.segmentor.get(name)]
    assert {head.num_classes for head in heads} == {3}
    parts = model.discriminator
    found = [parts] if parts.type == 'FCDiscriminator' else [part for part in parts.values() if isinstance(part, dict)]
    assert [part.in_channels for part in found] == channels
    built = MODELS.build(dict(model, flow_estimator=dict(type='DISFlow')) if 'flow_estimator' in model else model)
    assert built.num_classes == 3


def test_data_sets_and_evaluators_have_it(written):
    config = written('i2vda/deeplabv2_r101_viper2cs_dis.py')
    data = config.train_dataloader.dataset
    assert data.source.class_space.source == {3: 'floor', 17: 'crate', 9: 'sign'}
    assert data.source.domain == 'source'
    assert data.target.class_space.classes == ['floor', 'crate', 'sign']
    assert (config.test_evaluator.protocol, config.tc_evaluator.protocol) == ('yard', 'yard')


def test_a_stock_data_set_gets_classes_and_colours(written):
    more = "train_dataloader = dict(dataset=dict(source=dict(_delete_=True, type='BaseSegDataset', data_root='x')))\n"
    source = written('source_only/deeplabv2_r101_viper2cs.py', more=more).train_dataloader.dataset.source
    assert tuple(source.metainfo.classes) == ('floor', 'crate', 'sign')
    assert len(source.metainfo.palette) == 3


@pytest.mark.parametrize('kind', ["type='BaseSegDataset'", "type='CityscapesSeqDataset'"])
def test_classes_that_were_inherited_are_replaced(written, kind):
    inherited = "metainfo=dict(classes=('a', 'b'), palette=[[0, 0, 0], [1, 1, 1]])"
    more = f"train_dataloader = dict(dataset=dict(source=dict(_delete_=True, {kind}, data_root='x', {inherited})))\n"
    source = written('source_only/deeplabv2_r101_viper2cs.py', more=more).train_dataloader.dataset.source
    built = DATASETS.build(dict(source, lazy_init=True, pipeline=[]))
    assert tuple(built.metainfo['classes']) == ('floor', 'crate', 'sign')
    assert len(built.metainfo['palette']) == 3


def test_a_file_beside_the_config(written, tmp_path):
    (tmp_path / 'yard.yaml').write_text('name: yard\nclasses: [floor, crate]\nsource: {1: floor, 2: crate}\n')
    config = written('i2vda/deeplabv2_r101_viper2cs_dis.py', space="'yard.yaml'")
    assert config.class_space.source == {1: 'floor', 2: 'crate'}
    config.dump(tmp_path / 'saved.py')  # as a run saves it
    assert load_config(str(tmp_path / 'saved.py')).class_space == config.class_space


def test_a_mistake_in_it_is_a_sentence(written):
    with pytest.raises(ConfigError, match="class_space: source: raw id 3 is 'flor', which is no class"):
        written('i2vda/deeplabv2_r101_viper2cs_dis.py', space="dict(classes=['floor', 'crate'], source={3: 'flor'})")
    with pytest.raises(FileNotFoundError, match=r'class_space: no file absent\.yaml'):
        written('i2vda/deeplabv2_r101_viper2cs_dis.py', space="'absent.yaml'")


def test_published_class_spaces_change_nothing_in_their_leaves(request):
    path = str(request.config.rootpath / 'configs/i2vda/deeplabv2_r101_viper2cs_dis.py')
    plain, filled = load_config(path), load_config(path, dict(class_space='viper15'))
    assert filled.model == plain.model
    assert filled.test_evaluator == plain.test_evaluator
