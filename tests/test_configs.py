import ast

import pytest
from mmseg.registry import DATA_SAMPLERS, HOOKS, METRICS, MODELS

from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.apis.launch import load_config

LEAVES = (
    'i2vda/deeplabv2_r101_viper2cs.py',
    'i2vda/deeplabv2_r101_synthia2cs.py',
    'i2vda/deeplabv2_r50_viper2cs.py',
    'i2vda/deeplabv2_r18_streetworld.py',
    'adaptsegnet/deeplabv2_r101_synthia2cs.py',
    'source_only/deeplabv2_r101_synthia2cs.py',
    'tps/deeplabv2_r101_synthia2cs.py',
    'tps/deeplabv2_r18_streetworld.py',
)


@pytest.fixture(scope='module')
def configs(request):
    folder = request.config.rootpath / 'configs'
    return {str(path.relative_to(folder)): path for path in folder.rglob('*.py')}


def leaves(configs):
    return {name: path for name, path in configs.items() if not name.startswith('_base_')}


def test_every_leaf_has_a_model_optimizers_and_a_place_of_its_own(configs):
    places = {}
    for name, path in leaves(configs).items():
        config = load_config(str(path))
        assert 'type' in config.model, name
        assert 'segmentor' in config.optim_wrapper, name
        check_config(config)
        assert config.work_dir not in places, f'{name} and {places[config.work_dir]} write to the same folder'
        places[config.work_dir] = name
    assert places['work_dirs/i2vda/deeplabv2_r101_viper2cs'] == 'i2vda/deeplabv2_r101_viper2cs.py'


def test_leaves_are_short_and_nothing_is_absolute(configs):
    for name, path in configs.items():
        text = path.read_text()
        assert 'mmseg::' not in text, name
        constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        assert not [value for value in constants if isinstance(value, str) and value.startswith('/')], name
        if not name.startswith('_base_'):
            assert len(ast.parse(text).body) <= 20, name


@pytest.mark.parametrize('name', LEAVES)
def test_a_leaf_builds_and_its_class_counts_agree(configs, name):
    config = load_config(str(configs[name]))
    config.model.segmentor.backbone.init_cfg = None
    model = MODELS.build(config.model)
    trained = {'viper15': 15, 'synthia11': 12}[config.val_evaluator.protocol]
    assert model.num_classes == trained
    if hasattr(model, 'discriminator'):
        assert model.discriminator.in_channels == trained
    METRICS.build(config.val_evaluator)
    assert DATA_SAMPLERS.get(config.train_dataloader.sampler.type) is not None
    for hook in config.default_hooks.values():
        assert HOOKS.get(hook.type) is not None, hook.type


def test_the_paper_settings(configs):
    config = load_config(str(configs['i2vda/deeplabv2_r101_viper2cs.py']))
    optimizer = config.optim_wrapper.segmentor.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.momentum) == ('SGD', 2.5e-4, 0.9)
    adam = config.optim_wrapper.discriminator.optimizer
    assert (adam.type, adam.lr, tuple(adam.betas)) == ('Adam', 1e-4, (0.9, 0.99))
    for schedulers in config.param_scheduler.values():
        assert [(s.type, s.power, s.end, s.by_epoch) for s in schedulers] == [('PolyLR', 0.9, 50001, False)]
    assert config.train_cfg.max_iters == 50000
    assert (config.default_hooks.proxy_copy.interval, config.default_hooks.proxy_copy.launch) == (8000, 8000)
    head = config.model.pseudo_label_head
    assert (head.delta, head.eta, head.frame) == (0.3, 1.0, '1')
    assert (config.model.temporal_augmentation.alpha, config.model.temporal_augmentation.t) == (0.5, 'random')
    assert (config.model.lambda_adv, config.model.lambda_tc) == (0.01, 1.0)
    flow = dict(type='MMFlow', model='flownet2_nvidia', checkpoint='checkpoints/flownet2_nvidia.pth')
    assert config.model.flow_estimator == flow


def test_a_leaf_without_flow_weights(configs):
    full, dis = (load_config(str(configs[f'i2vda/deeplabv2_r101_viper2cs{end}.py'])).to_dict() for end in ('', '_dis'))
    assert dis['model'].pop('flow_estimator') == dict(type='DISFlow')
    full['model'].pop('flow_estimator')
    flow = [dis['train_dataloader']['dataset']['target']['pipeline'].pop(index) for index in (2, 2, 2)]
    assert [step['type'] for step in flow] == ['EstimateFlow', 'TemporalAugmentation', 'EstimateFlow']
    assert flow[1] == dis['model']['temporal_augmentation']
    dis['target_pipeline'] = full['target_pipeline']
    assert [key for key in full if full[key] != dis[key]] == ['work_dir']


@pytest.mark.parametrize(('name', 'size'), [('viper', (896, 512)), ('synthia', (1280, 768))])
def test_the_paper_sizes(configs, name, size):
    config = load_config(str(configs[f'i2vda/deeplabv2_r101_{name}2cs.py']))
    dataset = config.train_dataloader.dataset
    assert next(step for step in dataset.source.pipeline if step.type == 'Resize').scale == size
    assert dataset.target.pipeline[1].transforms[0].scale == (1024, 512)


def test_each_ablation_changes_one_thing(configs):
    full = load_config(str(configs['i2vda/deeplabv2_r101_viper2cs.py'])).to_dict()
    ablations = [path for name, path in configs.items() if name.startswith('i2vda/ablations/')]
    assert len(ablations) == 23
    for path in ablations:
        config = load_config(str(path)).to_dict()
        changed = [key for key in full if key != 'work_dir' and full[key] != config[key]]
        assert changed in (['model'], ['default_hooks']), path.name
        section = 'model' if changed == ['model'] else 'default_hooks'
        inner = [key for key in full[section] if full[section][key] != config[section][key]]
        assert len(inner) == 1, path.name
