"""Flow in the data workers is what the model says."""

import pytest

from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.apis.config_flow import (
    ValidityMask,
    complete_workers_flow,
    suits_workers,
    training_estimator,
    validity_mask,
)
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


def test_a_refinement_says_which_estimator_the_workers_use(config_of):
    config = config_of('mic/deeplabv2_r18_streetworld_refined', **{'model.refinement.flow_estimator.preset': 'fast'})
    check_config(config)
    complete_workers_flow(config)
    assert estimators(config) == [DIS | dict(preset='fast')]
    assert training_estimator(config) == DIS | dict(preset='fast')


def test_one_flow_serves_all_parts_or_is_refused(config_of):
    config = config_of('cmom/deeplabv2_r18_streetworld')
    config.model.refinement = dict(type='PseudoLabelRefinement', flow_estimator=DIS | dict(preset='medium'))
    check_config(config)  # 'medium' is the default
    config.model.refinement.flow_estimator.preset = 'fast'
    with pytest.raises(ConfigError, match=r'^model\.refinement\.flow_estimator: .*fast.*model\.flow_estimator is'):
        check_config(config)
    with pytest.raises(ConfigError, match=r'^model\.refinement\.flow_estimator: '):
        complete_workers_flow(config)
    for dataset in (config.train_dataloader.dataset.source, config.train_dataloader.dataset.target):
        dataset.pipeline = [step for step in dataset.pipeline if step.type != 'EstimateFlow']
    check_config(config)  # each makes its own on the model's device
    for dataset in (config.train_dataloader.dataset.source, config.train_dataloader.dataset.target):
        dataset.pipeline.insert(-1, dict(type='EstimateFlow', estimator=DIS))
    with pytest.raises(ConfigError, match=r'pipeline\.\d: makes flow .* model\.refinement\.flow_estimator is .*fast'):
        check_config(config)


def test_caches_of_all_parts_are_looked_at(config_of, tmp_path):
    FlowCache.create(tmp_path, DIS, (64, 96))
    config = config_of('mic/deeplabv2_r18_streetworld_refined')
    config.model.refinement.flow_estimator = dict(type='CachedFlow', root=str(tmp_path))
    with pytest.raises(ConfigError, match=r'^model\.refinement\.flow_estimator\.root: .*made for frames of 64x96'):
        check_config(config)


def test_the_mask_is_that_of_the_part_that_has_one(config_of):
    config = config_of('dacs/deeplabv2_r18_streetworld_temporal')
    config.model.temporal.pseudo_label_head.update(eta=0.4, frame='0')
    assert validity_mask(config) == ValidityMask(0.4, '0')
    config = config_of('mic/deeplabv2_r18_streetworld_refined', **{'model.refinement.eta': 2.0})
    assert validity_mask(config) == ValidityMask(2.0, '1', only_inside=True)
    assert validity_mask(config_of('fda/deeplabv2_r18_streetworld')) == ValidityMask()


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
