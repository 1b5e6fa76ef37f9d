import pytest
from mmseg.registry import MODELS

from i2vda_mmseg.apis.config_check import check_config, check_model
from i2vda_mmseg.apis.config_keys import arguments_of, check_keys
from i2vda_mmseg.apis.config_schedule import check_loop
from i2vda_mmseg.apis.launch import build_runner, load_config
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.flow import FlowCache

STREETWORLD = 'configs/i2vda/deeplabv2_r18_streetworld.py'


@pytest.fixture
def street(request):
    """Load the I2VDA config of StreetWorld with ``--cfg-options``."""
    return lambda options: load_config(str(request.config.rootpath / STREETWORLD), options)


@pytest.fixture
def warnings(monkeypatch):
    """Collect what is logged; it goes to the terminal, as there is no run yet."""
    messages = []
    for module in ('config_flow', 'config_schedule'):
        monkeypatch.setattr(f'i2vda_mmseg.apis.{module}.print_log', lambda message, **_: messages.append(message))
    return messages


@pytest.mark.parametrize(('key', 'meant'), [
    ('model.pseudo_label_head.dleta', 'delta'),
    ('model.lamda_adv', 'lambda_adv'),
    ('model.segmentor.backbone.dpeth', 'depth'),
    ('model.segmentor.decode_head.num_class', 'num_classes'),
    ('model.flow_estimator.preest', 'preset'),
    ('train_dataloader.batchsize', 'batch_size'),
    ('train_dataloader.sampler.shufle', 'shuffle'),
    ('train_dataloader.dataset.source.data_rot', 'data_root'),
    ('train_dataloader.dataset.target.pipeline.1.transforms.0.scael', 'scale'),
    ('val_evaluator.protcol', 'protocol'),
    ('optim_wrapper.segmentor.acumulative_counts', 'accumulative_counts'),
    ('optim_wrapper.discriminator.optimizer.beta', 'betas'),
    ('param_scheduler.segmentor.0.powr', 'power'),
    ('default_hooks.proxy_copy.inteval', 'interval'),
    ('train_cfg.val_intervall', 'val_interval'),
    ('randomness.sed', 'seed'),
    ('env_cfg.cudnnbenchmark', 'cudnn_benchmark'),
    ('visualizer.save_dr', 'save_dir'),
    ('log_processor.by_epch', 'by_epoch'),
    ('modle', 'model'),
    ('optim_wraper', 'optim_wrapper'),
    ('train_dataloder', 'train_dataloader'),
])  # fmt: skip
def test_a_key_that_nothing_reads(street, key, meant):
    with pytest.raises(ConfigError) as caught:
        check_config(street({key: 1}))
    message = str(caught.value)
    assert message.startswith(f'{key}: ')
    assert f"did you mean '{meant}'?" in message
    if key.startswith('model.segmentor'):
        assert '_delete_=True' in message
    assert '\n' not in message


def test_a_key_like_no_other_is_answered_with_the_arguments(street):
    with pytest.raises(ConfigError, match=r'model\.pseudo_label_head\.foo: .*it takes .*delta, eta, frame'):
        check_config(street({'model.pseudo_label_head.foo': 1}))


def test_variables_of_a_config_are_its_own_business(street):
    check_config(street({'crop': 3, 'my_model_cfg': dict(a=1), 'default_hooks.proxy_copy.priority': 'HIGH'}))


@pytest.mark.parametrize(('key', 'value', 'message'), [
    ('model.type', 'I2VDDA', "there is no 'I2VDDA'; did you mean 'I2VDA'"),
    ('optim_wrapper.segmentor.optimizer.type', 'SDG', "did you mean 'SGD'"),
    ('default_hooks.proxy_copy.launch', 800, 'ITER_LAUNCH is iteration 800, but the schedule ends after 800'),
    ('default_hooks.proxy_copy.interval', 0, 'must be a whole number of at least 1, got 0'),
    ('default_hooks.checkpoint.interval', 0, 'must be a whole number of at least 1, got 0'),
    ('train_cfg.max_iters', 'many', "must be a whole number of at least 1, got 'many'"),
    ('param_scheduler.segmentor.0.end', '800', "must be a whole number of at least 1, got '800'"),
    ('default_hooks.proxy_copy.launch', 'late', "must be a whole number of at least 1, got 'late'"),
    ('train_cfg.val_interval', 0, 'must be a whole number of at least 1, got 0'),
    ('train_dataloader.batch_size', 1.5, r'must be a whole number of at least 1, got 1\.5'),
    ('param_scheduler.segmentor.0.by_epoch', True, 'must be False'),
    ('param_scheduler.generator', [dict(type='PolyLR', by_epoch=False, end=800)], r"names \['discriminator', 'gener"),
    ('optim_wrapper.segmentr', dict(optimizer=dict(type='SGD', lr=1.0)), r'there is no model\.segmentr; name one of'),
    ('optim_wrapper.discriminator', None, r'missing, but model\.discriminator is to be trained'),
    ('optim_wrapper.backbone_steps', 'twice', r"'once', 'released'.*'twice'"),
    ('optim_wrapper.backbone_step', 'released', "'backbone_steps'"),
    ('optim_wrapper.segmentor.accumulative_counts', 0, 'must be a whole number of at least 1'),
    ('optim_wrapper.segmentor.type', 'AmpOptimWrapper', 'float16 on a GPU, and torch finds none'),
])  # fmt: skip
def test_parts_that_do_not_fit(street, monkeypatch, key, value, message):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(ConfigError, match=message) as caught:
        check_config(street({key: value}))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('key', 'value', 'message'), [
    ('val_evaluator.protocol', 'synthia11', r'12 classes, but model\.segmentor\.decode_head\.num_classes has 15'),
    ('train_dataloader.dataset.target.class_space', 'synthia12', r'target\.class_space: 12 classes, but .* has 15'),
    ('val_dataloader.dataset.metainfo', dict(classes=('road', 'car')), r'classes: 2 classes, but .* has 15'),
    ('model.segmentor.decode_head.num_classes', 19, r'source\.type: 15 classes, but model\.segmentor\..* has 19'),
    ('train_dataloader.dataset.rare_patches', dict(number=3), r'dataset\.rare_patches: I2VDA pastes no patches; leave'),
    ('train_dataloader.dataset.source', dict(type='CityscapesDataset', _delete_=True), r'source\.type: 19 classes'),
    ('optim_wrapper.segmentor.paramwise_cfg', dict(_delete_=True, custom_keys={'decode_haed': dict(lr_mult=10)}),
     r'segmentor\.paramwise_cfg\.custom_keys\.decode_haed: .*decode_head'),
])  # fmt: skip
def test_a_model_and_data_that_do_not_fit(street, key, value, message):
    config = street({key: value, 'model.discriminator.in_channels': 19 if value == 19 else 15})
    with pytest.raises(ConfigError, match=message) as caught:
        check_model(MODELS.build(config.model), config)
    assert '\n' not in str(caught.value)


def test_what_is_built_counts_and_not_what_a_class_is_known_for(street):
    def bdd():
        return dict(type='BDD100KDataset', _delete_=True, data_root='absent')

    nineteen = {'model.segmentor.decode_head.num_classes': 19, 'model.discriminator.in_channels': 19}
    sets = {f'{loader}_dataloader.dataset': bdd() for loader in ('val', 'test')}
    pair = {f'train_dataloader.dataset.{domain}': bdd() for domain in ('source', 'target')}
    metrics = {f'{name}_evaluator': dict(type='IoUMetric', _delete_=True) for name in ('val', 'test')}
    config = street(nineteen | sets | pair | metrics)
    check_model(MODELS.build(config.model), config)
    unlabelled = street({'train_dataloader.dataset.target': bdd()})  # its labels are not read
    check_model(MODELS.build(unlabelled.model), unlabelled)
    one = dict(type='BDD100KDataset', data_root='absent')
    for wrapper in (dict(type='ConcatDataset', datasets=[one, one]), dict(type='RepeatDataset', times=2, dataset=one)):
        config.train_dataloader.dataset.source = config.train_dataloader.dataset.target = wrapper
        check_model(MODELS.build(config.model), config)
    fifteen = street({'train_dataloader.dataset.source': dict(type='ConcatDataset', datasets=[one], _delete_=True)})
    with pytest.raises(ConfigError, match=r'dataset\.source\.datasets\.0\.type: 19 classes'):
        check_model(MODELS.build(fifteen.model), fifteen)


@pytest.mark.parametrize(('options', 'message'), [
    ({'train_cfg.type': 'EpochBasedTrainLoop'}, r"train_cfg\.type: .*never end.*IterBasedTrainLoop"),
    ({'train_cfg': dict(_delete_=True, by_epoch=True, max_epochs=2)}, r'train_cfg\.by_epoch: .*IterBasedTrainLoop'),
    ({'default_hooks.checkpoint': dict(_delete_=True, type='CheckpointHook', interval=9)}, r'checkpoint\.by_epoch'),
    ({'optim_wrapper': dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=6e-5))},
     r"optim_wrapper\.optimizer: .*segmentor=dict\(optimizer=dict\(type='AdamW', lr=6e-05\)\), discriminator="),
    ({'optim_wrapper.constructor': 'DefaultOptimWrapperConstructor'}, r'optim_wrapper\.constructor: must be'),
])  # fmt: skip
def test_what_stock_configs_have_and_a_method_cannot(street, options, message):
    with pytest.raises(ConfigError, match=message):
        check_config(street(options))


def test_a_wrapper_of_one_pass_a_step(street):
    with pytest.raises(ConfigError, match=r'^model_wrapper_cfg\.static_graph: PyTorch takes'):
        check_config(street({'model_wrapper_cfg.static_graph': True}))
    check_config(street({'model_wrapper_cfg.static_graph': False}))


def test_epochs_of_a_data_set_with_an_end(street):
    single = dict(_delete_=True, batch_size=1, dataset=dict(type='CityscapesDataset', pipeline=[]))
    loop = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=2)
    check_loop(street({'train_dataloader': single, 'train_cfg': loop}))


def test_the_networks_of_others_take_what_they_take():
    """Their ``**kwargs`` go to classes that need not be installed."""
    head = dict(type='MaskFormerHead', in_channels=[4], in_index=[0], strides=[4], feat_channels=8, out_channels=8)
    check_keys(dict(model=dict(type='EncoderDecoder', decode_head=head)))


@pytest.mark.parametrize('hook', ['ProxyCopyHook', 'LaunchHook'])
def test_a_launch_that_is_left_out_is_the_hooks_own(street, hook):
    early = {'default_hooks.proxy_copy': dict(_delete_=True, type='ProxyCopyHook', launch=40)}
    default = {'custom_hooks': [dict(type=hook)]}
    with pytest.raises(ConfigError, match=r'^custom_hooks\.0\.launch: ITER_LAUNCH is iteration 8000, but .* after 800'):
        check_config(street(early | default))
    check_config(street(early | {'custom_hooks': [dict(type=hook, launch=799)]}))
    check_config(street(early | default | {'model.pseudo_label_head': None}))  # there is nothing to launch


def test_stages_take_what_acts(street):
    stages = dict(_delete_=True, type='StagedTrainLoop', stages=[dict(iters=400), dict(iters=400)], val_interval=200)
    check_keys(street({'train_cfg': stages}))
    with pytest.raises(ConfigError, match=r'^train_cfg\.fast_forward_on_resume: StagedTrainLoop takes no'):
        check_keys(street({'train_cfg': stages | dict(fast_forward_on_resume=True)}))


def test_stages_end_with_a_window_of_accumulation(street):
    stages = dict(_delete_=True, stages=[dict(iters=400), dict(iters=401)])
    with pytest.raises(ConfigError, match=r'train_cfg\.stages\.1\.iters: 401 is no multiple of .* = 2'):
        check_config(street({'train_cfg': stages, 'optim_wrapper.segmentor.accumulative_counts': 2}))


def test_a_trial_run_may_end_before_its_schedule(street, warnings):
    check_config(street({'train_cfg.max_iters': 60, 'train_cfg.val_interval': 1000}))
    assert len(warnings) == 2
    assert warnings[0].startswith('param_scheduler.segmentor.0.end is iteration 801, but training ends after 60')


def test_a_run_longer_than_its_schedule_learns_nothing_in_the_end(street, warnings):
    check_config(street({'param_scheduler.segmentor.0.end': 400}))
    (warning,) = warnings
    assert warning.startswith('param_scheduler.segmentor.0.end is iteration 400, but training lasts 800: the learning')
    check_config(street({'param_scheduler.segmentor.0.end': 400, 'param_scheduler.segmentor.0.eta_min': 1e-4}))
    assert len(warnings) == 1


def test_a_flow_cache_of_another_size(street, tmp_path):
    FlowCache.create(tmp_path / 'cache', dict(type='DISFlow', preset='medium'), size=(64, 96))
    cached = dict(type='CachedFlow', root=str(tmp_path / 'cache'), online=dict(type='DISFlow'), _delete_=True)
    with pytest.raises(ConfigError, match=r'flow_estimator\.root: .*made for frames of 64x96 .* not of 96x192'):
        check_config(street({'model.flow_estimator': cached}))
    options = {'train_dataloader.dataset.target.pipeline.1.transforms.0.scale': (96, 64)}
    check_config(street({'model.flow_estimator': cached, **options}))
    with pytest.raises(ConfigError, match=r'flow_estimator\.root: '):
        check_config(street({'model.flow_estimator': cached | dict(root=str(tmp_path / 'absent'))}))


def test_frames_smaller_than_the_flow_estimator_works_on(street, warnings):
    check_config(street({'train_dataloader.dataset.target.pipeline.1.transforms.0.scale': (40, 24)}))
    (warning,) = warnings
    assert 'DISFlow works on at least 32x32 pixels, and the target frames are 24x40' in warning


def test_the_check_comes_before_anything_is_built(street, monkeypatch):
    monkeypatch.setattr('mmengine.runner.Runner.from_cfg', lambda config: pytest.fail('built'))
    with pytest.raises(ConfigError, match=r'model\.pseudo_label_head\.dleta'):
        build_runner(street({'model.pseudo_label_head.dleta': 0.5}))


class Closed:
    def __init__(self, a, b=1):
        pass


class Open(Closed):
    def __init__(self, c, **kwargs):
        super().__init__(**kwargs)


class Named(Closed):
    def __init__(self, c, **members):
        pass


@pytest.mark.parametrize(('kind', 'expected'), [
    (Closed, ({'self', 'a', 'b'}, True)),
    (Open, ({'self', 'a', 'b', 'c'}, False)),  # of another project: may read its kwargs itself
    (Named, ({'self', 'c'}, False)),
])  # fmt: skip
def test_arguments_of(kind, expected):
    assert arguments_of(kind) == expected
