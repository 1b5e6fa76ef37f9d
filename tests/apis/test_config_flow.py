"""Flow in the data workers is what the model says."""

import pytest

from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.apis.config_flow import complete_workers_flow, suits_workers
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.flow import FlowCache

DIS = dict(type='DISFlow')
FLOWNET = dict(type='MMFlow', model='flownet2')
TARGET = 'train_dataloader.dataset.target.pipeline'


@pytest.fixture
def config_of(request):
    return lambda name, **options: load_config(str(request.config.rootpath / 'configs' / f'{name}.py'), options or None)


def estimators(config):
    steps = config.train_dataloader.dataset.target.pipeline
    return [step.get('estimator') for step in steps if step.type == 'EstimateFlow']


@pytest.mark.parametrize('name', ['i2vda/deeplabv2_r101_viper2cs_dis', 'i2vda/deeplabv2_r18_streetworld',
                                  'davsn/deeplabv2_r18_streetworld', 'tps/deeplabv2_r18_streetworld'])  # fmt: skip
def test_the_model_says_which_estimator_the_workers_use(config_of, name):
    for preset in ('fast', 'medium'):
        config = config_of(name, **{'model.flow_estimator.preset': preset})
        check_config(config)
        complete_workers_flow(config)
        assert estimators(config) == [DIS | dict(preset=preset)] * (1 + name.endswith('dis'))


def test_networks_stay_with_the_model(config_of):
    config = config_of('i2vda/deeplabv2_r18_streetworld')
    config.model.flow_estimator = FLOWNET
    complete_workers_flow(config)
    assert estimators(config) == [None]
    cached = dict(type='CachedFlow', root='somewhere')
    assert suits_workers(cached)
    assert suits_workers(cached | dict(online=DIS))
    assert not suits_workers(cached | dict(online=FLOWNET))


@pytest.mark.parametrize(('option', 'value', 'message'), [
    (f'{TARGET}.2.estimator', dict(type='DISFlow', preset='fast'), r"pipeline\.2: .*'fast'.*model\.flow_estimator"),
    (f'{TARGET}.3.alpha', 0.4, r'pipeline\.3: .*alpha=0\.4.*model\.temporal_augmentation is .*alpha=0\.5'),
    ('model.temporal_augmentation.t', 0.25, r"pipeline\.3: .*t='random'.*model\.temporal_augmentation is .*t=0\.25"),
    ('model.temporal_augmentation', None, r'pipeline\.3: .*model\.temporal_augmentation is None'),
    ('model.flow_estimator', FLOWNET | dict(_delete_=True), r'pipeline\.3: TemporalAugmentation needs flow'),
])  # fmt: skip
def test_what_the_workers_would_do_otherwise_is_refused_with_both_keys(config_of, option, value, message):
    config = config_of('i2vda/deeplabv2_r101_viper2cs_dis', **{option: value})
    with pytest.raises(ConfigError, match=message):
        check_config(config)


def test_a_cache_of_the_models_estimator_may_serve_the_workers(config_of):
    load = dict(type='LoadFlow', root='somewhere', online=dict(type='DISFlow', preset='medium'))
    config = config_of('i2vda/deeplabv2_r101_viper2cs_dis')
    config.train_dataloader.dataset.target.pipeline[2] = load
    check_config(config)
    config.train_dataloader.dataset.target.pipeline[2] = load | dict(online=dict(type='DISFlow', preset='fast'))
    with pytest.raises(ConfigError, match=r'pipeline\.2: .*CachedFlow'):
        check_config(config)


@pytest.mark.parametrize(('model', 'step', 'fits'), [
    (DIS, {}, True),
    (DIS | dict(preset='fast'), {}, False),
    (dict(type='CachedFlow', online=DIS), {}, True),
    (dict(type='CachedFlow'), dict(online=DIS), True),
    (dict(type='CachedFlow', root='elsewhere'), {}, False),
])  # fmt: skip
def test_a_cache_serves_the_workers_whoever_of_the_two_estimates_what_it_lacks(config_of, tmp_path, model, step, fits):
    FlowCache.create(tmp_path, DIS, (512, 1024))
    config = config_of('i2vda/deeplabv2_r101_viper2cs_dis')
    config.model.flow_1t = 'compose'
    config.model.flow_estimator = (dict(root=str(tmp_path)) if model['type'] == 'CachedFlow' else {}) | model
    config.train_dataloader.dataset.target.pipeline[2] = dict(type='LoadFlow', root=str(tmp_path), **step)
    if fits:
        check_config(config)
        return
    with pytest.raises(ConfigError, match=r'pipeline\.2: .*CachedFlow.*model\.flow_estimator'):
        check_config(config)


def test_a_folder_that_is_no_cache_is_named(config_of, tmp_path):
    config = config_of('i2vda/deeplabv2_r101_viper2cs_dis')
    config.train_dataloader.dataset.target.pipeline[2] = dict(type='LoadFlow', root=str(tmp_path))
    with pytest.raises(ConfigError, match=rf'pipeline\.2\.root: {tmp_path}.*no flow cache'):
        check_config(config)


def test_data_sets_joined_in_one_are_looked_at_too(config_of):
    config = config_of('i2vda/deeplabv2_r101_viper2cs_dis')
    data = config.train_dataloader.dataset
    data.target = dict(type='ConcatDataset', datasets=[data.target, data.target.copy()])
    check_config(config)
    complete_workers_flow(config)
    for target in data.target.datasets:
        assert [step.get('estimator') for step in target.pipeline if step.type == 'EstimateFlow'] == [DIS, DIS]
    data.target.datasets[1].pipeline[3].alpha = 0.4
    with pytest.raises(ConfigError, match=r'target\.datasets\.\d\.pipeline\.3: .*alpha=0\.4'):
        check_config(config)
