from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from built_leaf import CONFIGS, LEAVES, build_leaf, setting

from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.models.segmentors.checkpoint_parts import PARTS, part_of

PUBLISHED = yaml.safe_load((Path(__file__).parent / 'published_settings.yaml').read_text())
I2VDA = 'i2vda/deeplabv2_r101_viper2cs'


def is_meant(group, name):
    return any(fnmatch(name, p) for p in group['leaves']) and not any(fnmatch(name, p) for p in group.get('except', ()))


def settings_of(name):
    """The rows (path, value, source) of a leaf; an ablation's own stands for that of the full method."""
    rows = [row for group in PUBLISHED['groups'] if is_meant(group, name) for row in group['settings']]
    if '/ablations/' not in name:
        return rows
    changed = PUBLISHED['ablations'][name.split('viper2cs_')[1]]
    return [row for row in rows if not f'{row[0]}.'.startswith(f'{changed[0]}.')] + [changed]


def plain(value):
    return [plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def is_equal(value, published):
    if isinstance(published, list):
        return isinstance(value, list) and len(value) == len(published) and all(map(is_equal, value, published))
    if isinstance(published, float):
        return value == pytest.approx(published, rel=1e-6)
    return type(value) is type(published) and value == published


def faults_of(leaf, name):
    found = [(path, plain(setting(leaf, path)), published, source) for path, published, source in settings_of(name)]
    return [
        f'{path} is {value}, not {wanted} ({src})' for path, value, wanted, src in found if not is_equal(value, wanted)
    ]


@pytest.mark.parametrize('name', LEAVES)
def test_the_built_leaf_has_the_published_settings(name):
    leaf = build_leaf(CONFIGS / f'{name}.py')
    check_config(leaf.config)
    assert leaf.config.work_dir == f'work_dirs/{name}'
    assert faults_of(leaf, name) == []
    assert {part_of(key) for key in leaf.model.state_dict()} <= {'segmentor', *PARTS}
    assert leaf.data.source.dataset.metainfo['classes'] == leaf.data.target.dataset.metainfo['classes']


@pytest.mark.parametrize(
    ('option', 'value', 'path'),
    [
        ('optim_wrapper.segmentor.paramwise_cfg.custom_keys.decode_head.lr_mult', 1.0, 'groups.decode_head.lr'),
        ('optim_wrapper.backbone_steps', 'once', 'optimizer.segmentor.repeated'),
        ('model.data_preprocessor.mean', [122.67891434, 116.66876762, 104.00698793], 'input'),
        ('model.data_preprocessor.bgr_to_rgb', True, 'input'),
        ('train_dataloader.dataset.target.pairs', 'consecutive', 'data.target.dataset.pairs'),
        ('param_scheduler.segmentor.0.end', 50000, 'schedule.segmentor'),
    ],
)
def test_a_setting_that_differs_is_found(option, value, path):
    faults = faults_of(build_leaf(CONFIGS / f'{I2VDA}.py', **{option: value}), I2VDA)
    assert len(faults) == 1
    assert faults[0].split(' is ')[0].endswith(path)


def test_each_group_has_leaves_and_each_row_a_source():
    for group in PUBLISHED['groups']:
        assert any(is_meant(group, name) for name in LEAVES), group['name']
        assert all(any(fnmatch(name, pattern) for name in LEAVES) for pattern in group['leaves']), group['name']
        assert all(len(row) == 3 and row[2] for row in group['settings']), group['name']
    ablations = {name.split('viper2cs_')[1] for name in LEAVES if '/ablations/' in name}
    assert ablations == set(PUBLISHED['ablations'])


def test_every_method_of_the_paper_has_its_settings():
    for name in LEAVES:
        if 'streetworld' not in name and 'multi-band' not in name:
            assert len(settings_of(name)) >= 30, name
