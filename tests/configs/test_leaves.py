import ast

import pytest
from built_leaf import CONFIGS, LEAVES
from mmengine.config import Config

from i2vda_mmseg.apis.config_keys import all_dicts
from i2vda_mmseg.apis.launch import load_config

BASES = sorted(str(path.relative_to(CONFIGS).with_suffix('')) for path in (CONFIGS / '_base_').rglob('*.py'))


def tree_of(name):
    return ast.parse((CONFIGS / f'{name}.py').read_text())


def depth_of(path):
    """How many files lie between a config and the furthest that it inherits."""
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], 'id', None) == '_base_':
            bases = ast.literal_eval(statement.value)
            return 1 + max(depth_of(path.parent / base) for base in ([bases] if isinstance(bases, str) else bases))
    return 0


@pytest.mark.parametrize('name', LEAVES)
def test_leaves_are_short_and_not_deep(name):
    assert len(tree_of(name).body) <= 20
    path = CONFIGS / f'{name}.py'
    # a leaf that differs from another in one point, or StreetWorld's from a schedule, is one deeper
    derived = any(part in name for part in ('multi-band', 'temporal', 'refined'))
    assert depth_of(path) <= (3 if 'r101' in name and not derived else 4)


@pytest.mark.parametrize('name', LEAVES + BASES)
def test_nothing_is_absolute(name):
    constants = [node.value for node in ast.walk(tree_of(name)) if isinstance(node, ast.Constant)]
    strings = [value for value in constants if isinstance(value, str)]
    assert not [value for value in strings if value.startswith('/') or 'mmseg::' in value]


@pytest.mark.parametrize('name', [name for name in LEAVES if 'gta2cs' in name])
def test_what_follows_from_the_class_space_is_written_in_the_leaf(name):
    """Programs of mmengine read the file, and know nothing of ``class_space``."""
    plain, ours = Config.fromfile(CONFIGS / f'{name}.py'), load_config(str(CONFIGS / f'{name}.py'))
    assert classes_of(plain.model) == classes_of(ours.model) != []
    assert plain.val_evaluator.protocol == ours.val_evaluator.protocol == plain.class_space
    train = plain.train_dataloader.dataset
    assert {data.class_space for data in (train.source, train.target, plain.val_dataloader.dataset)} == {'cityscapes19'}
    assert train.source.domain == ours.train_dataloader.dataset.source.domain


def classes_of(model):
    return [part['num_classes'] for part in all_dicts(model.to_dict()) if 'num_classes' in part]


def test_a_leaf_without_flow_weights():
    full, dis = (load_config(str(CONFIGS / f'i2vda/deeplabv2_r101_viper2cs{end}.py')).to_dict() for end in ('', '_dis'))
    assert dis['model'].pop('flow_estimator') == dict(type='DISFlow')
    full['model'].pop('flow_estimator')
    flow = [dis['train_dataloader']['dataset']['target']['pipeline'].pop(index) for index in (2, 2, 2)]
    assert [step['type'] for step in flow] == ['EstimateFlow', 'TemporalAugmentation', 'EstimateFlow']
    assert flow[1] == dis['model']['temporal_augmentation']
    dis['target_pipeline'] = full['target_pipeline']
    assert [key for key in full if full[key] != dis[key]] == ['work_dir']


def test_each_ablation_changes_one_thing():
    full = load_config(str(CONFIGS / 'i2vda/deeplabv2_r101_viper2cs.py')).to_dict()
    ablations = [name for name in LEAVES if name.startswith('i2vda/ablations/')]
    assert len(ablations) == 23
    for name in ablations:
        config = load_config(str(CONFIGS / f'{name}.py')).to_dict()
        changed = [key for key in full if key != 'work_dir' and full[key] != config[key]]
        assert changed in (['model'], ['default_hooks']), name
        (section,) = changed
        inner = [key for key in full[section] if full[section][key] != config[section][key]]
        assert len(inner) == 1, name
