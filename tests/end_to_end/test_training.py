import json
import math
import shutil
from urllib.error import URLError

import pytest
import torch

from i2vda_mmseg.apis.launch import build_runner
from i2vda_mmseg.errors import ConfigError

METHODS = ('source_only', 'minent', 'adaptsegnet', 'advent', 'i2vda', 'mic', 'mic_judged')
RUNS = [(method, 0) for method in METHODS] + [('i2vda', 2)]


def read(path):
    return torch.load(path, weights_only=False)


def differences(first, second, place=''):
    """Name the places where two nested structures of tensors and numbers differ."""
    if isinstance(first, dict):
        if first.keys() != second.keys():
            return [f'{place}: keys']
        return [found for key in first for found in differences(first[key], second[key], f'{place}.{key}')]
    if isinstance(first, (list, tuple)):
        pairs = enumerate(zip(first, second))
        return [found for index, (a, b) in pairs for found in differences(a, b, f'{place}.{index}')]
    same = torch.equal(first, second) if torch.is_tensor(first) else first == second
    return [] if same else [place]


def train_log(folder):
    """Read the scalars that were logged in training, one dict an iteration."""
    (log,) = folder.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if 'loss_seg' in line]


def trained_state(path):
    checkpoint = read(path)
    return {key: checkpoint[key] for key in ('state_dict', 'optimizer', 'param_schedulers')}


@pytest.mark.parametrize(('method', 'workers'), RUNS)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(trained, tmp_path, method, workers):
    options = {'train_dataloader.num_workers': workers, 'train_dataloader.persistent_workers': workers > 0}
    whole = trained(method, 'whole', **options, **{'train_cfg.val_interval': 2})
    (tmp_path / 'resumed').mkdir()
    shutil.copy(whole / 'iter_3.pth', tmp_path / 'resumed')
    (tmp_path / 'resumed' / 'last_checkpoint').write_text(str(tmp_path / 'resumed' / 'iter_3.pth'))
    resumed = trained(method, 'resumed', resume=True, **options)
    before, after = (trained_state(whole / f'iter_{i}.pth') for i in (3, 6))
    assert differences(before['state_dict'], after['state_dict']) != []
    assert differences(after, trained_state(resumed / 'iter_6.pth')) == []


RESIZE = dict(type='Resize', scale=(64, 32), keep_ratio=False, backend='pillow', interpolation='bicubic')
FLOW_IN_WORKERS = [
    dict(type='LoadFramePair'),
    dict(type='TransformBroadcaster', mapping=dict(img=['frame_0', 'frame_1']), auto_remap=True,
         share_random_params=True, transforms=[RESIZE, dict(type='RandomFlip', prob=0.5),
                                               dict(type='PhotoMetricDistortion')]),
    dict(type='EstimateFlow'),
    dict(type='TemporalAugmentation'),
    dict(type='EstimateFlow', flows=['1t']),
    dict(type='PackFramePair'),
]  # fmt: skip


def test_i_t_of_the_workers_survives_a_resume_and_is_drawn(trained, tmp_path):
    options = {
        'train_dataloader.num_workers': 2,
        'train_dataloader.dataset.target.pipeline': FLOW_IN_WORKERS,
        'custom_hooks': [dict(type='PanelHook', interval=6)],
    }
    whole = trained('i2vda', 'whole', **options)
    (tmp_path / 'resumed').mkdir()
    shutil.copy(whole / 'iter_3.pth', tmp_path / 'resumed')
    resumed = trained('i2vda', 'resumed', resume=True, load_from=str(tmp_path / 'resumed' / 'iter_3.pth'), **options)
    assert differences(*(trained_state(folder / 'iter_6.pth') for folder in (whole, resumed))) == []
    assert len(list(whole.rglob('panel_6.png'))) == 1


def test_training_goes_without_validation(trained):
    folder = trained(val_dataloader=None, val_cfg=None, val_evaluator=None)
    assert (folder / 'iter_6.pth').is_file()


def test_another_seed_trains_another_network(trained):
    states = [read(trained('source_only', f'{seed}', randomness=dict(seed=seed)) / 'iter_6.pth') for seed in (0, 1)]
    assert differences(states[0]['state_dict'], states[1]['state_dict']) != []


def test_the_logged_terms_are_those_of_the_paper(trained):
    folder = trained('i2vda', **{'default_hooks.proxy_copy.launch': 3})
    lines = train_log(folder)
    for line in lines:
        names = {name for name in line if name.startswith('loss') or name == 'pseudo_label_ratio'}
        always = {'loss_seg', 'loss_adv', 'loss_dis'}
        assert names == (always | {'loss_tc', 'pseudo_label_ratio'} if line['iter'] > 3 else always)
        assert all(math.isfinite(line[name]) for name in names)
    assert [line['iter'] for line in lines] == list(range(1, 7))


def test_a_shared_initialisation_starts_the_proxy_too(trained, tmp_path):
    init = trained('source_only', 'init') / 'iter_6.pth'
    folder = trained(
        'i2vda',
        'run',
        load_from=str(init),
        **{
            'optim_wrapper.segmentor.optimizer.lr': 0.0,
            'default_hooks.proxy_copy.interval': 100,
            'model.batch_statistics': 'shared',
        },
    )
    start, end = read(init)['state_dict'], read(folder / 'iter_6.pth')['state_dict']
    weights = [key for key in start if key.endswith(('weight', 'bias'))]
    assert all(torch.equal(start[key], end[key]) for key in weights)
    assert all(torch.equal(start[key], end[key.replace('segmentor.', 'proxy.', 1)]) for key in start)


def test_source_loss_falls_when_one_batch_is_learnt_by_heart(trained):
    folder = trained(
        'source_only',
        **{
            'train_cfg.max_iters': 25,
            'train_dataloader.dataset.source.indices': 1,
            'param_scheduler.segmentor.0.end': 1000,
        },
    )
    losses = [line['loss_seg'] for line in train_log(folder)]
    assert losses[-1] < 0.7 * losses[0]


def test_a_download_that_fails_says_what_to_do(tiny_config, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise URLError('no route to host')

    monkeypatch.setattr('mmengine.runner.checkpoint.CheckpointLoader.load_checkpoint', fail)
    pretrained = dict(type='Pretrained', checkpoint='https://example.invalid/weights.pth')
    config = tiny_config(
        'source_only', tmp_path, **{'model.segmentor.backbone.init_cfg': {**pretrained, '_delete_': True}}
    )
    with pytest.raises(RuntimeError, match=r'model\.segmentor\.backbone\.init_cfg\.checkpoint=FILE'):
        build_runner(config).train()


def test_a_default_hook_that_is_none_is_left_out(tiny_config, tmp_path):
    options = {'default_hooks.proxy_copy': None, 'default_hooks.timer': None}
    runner = build_runner(tiny_config('i2vda', tmp_path, **options))
    assert not {'ProxyCopyHook', 'IterTimerHook'} & {type(hook).__name__ for hook in runner.hooks}
    with pytest.raises(ConfigError, match=r'default_hooks: .*ProxyCopyHook'):
        runner.train()
