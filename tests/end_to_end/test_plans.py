"""A run that goes on under another schedule than it was trained with: refused, or re-planned when told so."""

import pytest
import torch

from i2vda_mmseg.apis.launch import build_runner
from i2vda_mmseg.engine.checkpoints import read_checkpoint
from i2vda_mmseg.errors import ConfigError

BASE, DONE, LONGER = 0.01, 6, 12


def poly(end):
    return [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=end + 1, by_epoch=False)]


def planned(iters, **options):
    names = ('segmentor', 'discriminator')
    plan = {f'param_scheduler.{name}': poly(iters) for name in names}
    plan |= {'train_cfg.max_iters': iters, 'optim_wrapper.segmentor.optimizer.lr': BASE}
    return {'val_dataloader': None, 'val_cfg': None, 'val_evaluator': None} | plan | options


@pytest.fixture
def finished(trained, kept_runs):
    """Train AdaptSegNet for six iterations under a schedule that ends with them."""
    if 'adaptsegnet' not in kept_runs:
        kept_runs['adaptsegnet'] = trained('adaptsegnet', **planned(DONE))
    return kept_runs['adaptsegnet'] / 'iter_6.pth'


@pytest.fixture
def going_on(tiny_config, finished, tmp_path):
    """Build the runner that goes on from there, or from another checkpoint, under another config."""

    def build(iters=LONGER, extends=False, checkpoint=finished, **options):
        config = tiny_config('adaptsegnet', tmp_path / 'longer', **planned(iters, **options))
        config.resume, config.load_from = True, str(checkpoint)
        runner = build_runner(config)
        runner.extends = extends
        return runner

    return build


@pytest.mark.parametrize(('options', 'message'), [
    ({}, r'param_scheduler\.segmentor\.0\.end: 13, and not 7, .*iter_6\.pth.*--extend'),
    ({'optim_wrapper.segmentor.optimizer.lr': 0.02, 'iters': DONE},
     r'optim_wrapper\.segmentor\.optimizer\.lr: 0\.02, and not 0\.01'),
    ({'optim_wrapper.segmentor.optimizer.momentum': 0.5, 'iters': DONE}, r'segmentor\.optimizer\.momentum: 0\.5'),
    ({'optim_wrapper.segmentor.optimizer.weight_decay': 0.0, 'iters': DONE}, r'segmentor\.optimizer\.weight_decay: 0'),
    ({'optim_wrapper.discriminator.optimizer.betas': (0.5, 0.99), 'iters': DONE}, r'discriminator\.optimizer\.betas'),
    ({'optim_wrapper.segmentor.optimizer': dict(type='AdamW', lr=BASE, _delete_=True), 'iters': DONE},
     r'optim_wrapper\.segmentor\.optimizer\.type: '),
    ({'param_scheduler.discriminator': [dict(type='CosineAnnealingLR', T_max=6, by_epoch=False)], 'iters': DONE},
     r'param_scheduler\.discriminator\.0\.type: CosineAnnealingLR'),
    ({'param_scheduler': None, 'iters': DONE}, r'param_scheduler: \[\], and not \['),
    ({'train_cfg.max_iters': 3, 'iters': DONE}, r'train_cfg\.max_iters: 3, but .* 6 iterations'),
])  # fmt: skip
def test_another_plan_is_refused(going_on, options, message):
    with pytest.raises(ConfigError, match=message):
        going_on(**options).train()


@pytest.mark.parametrize('extends', [False, True])
def test_a_longer_run_under_a_schedule_that_has_ended_is_refused(going_on, extends):
    with pytest.raises(
        ConfigError, match=r'param_scheduler\.segmentor: .* 0 from iteration 6 on.*max_iters=12.*--extend'
    ):
        going_on(DONE, extends, **{'train_cfg.max_iters': LONGER}).train()


def test_runs_with_repeated_steps_go_on_with_and_without_them(trained, going_on):
    released = {'optim_wrapper.backbone_steps': 'released'}
    half = trained('adaptsegnet', **planned(DONE, **released, **{'train_cfg.max_iters': 3})) / 'iter_3.pth'
    for options in (released, {}):
        runner = going_on(DONE, checkpoint=half, **options)
        runner.train()
        assert runner.iter == DONE


def test_an_extended_run_learns_under_the_new_schedule(going_on, finished):
    runner = going_on(extends=True)
    rates, momenta = [], []
    step = runner.model.train_step

    def watched(*args, **kwargs):
        (optimizer,) = (runner.optim_wrapper['segmentor'].optimizer,)
        rates.append(optimizer.param_groups[0]['lr'])
        momenta.append([state['momentum_buffer'].clone() for state in optimizer.state.values()])
        return step(*args, **kwargs)

    runner.model.train_step = watched
    runner.train()
    expected = [BASE * (1 - i / LONGER) ** 0.9 for i in range(DONE, LONGER)]
    assert rates == pytest.approx(expected, rel=1e-6)
    before = read_checkpoint(finished)
    saved = [state['momentum_buffer'] for state in before['optimizer']['segmentor']['state'].values()]
    assert all(torch.equal(kept, was) for kept, was in zip(momenta[0], saved, strict=True))
    after = runner.model.state_dict()
    moved = [key for key, value in before['state_dict'].items() if not torch.equal(after[key], value)]
    assert len(moved) > 10


def test_an_extended_run_takes_the_rates_of_the_config(going_on):
    runner = going_on(extends=True, **{'optim_wrapper.segmentor.optimizer.lr': 0.5, 'default_hooks.logger.interval': 1})
    runner.train()
    logged = runner.message_hub.get_scalar('train/segmentor.lr').data[0]
    assert logged[-LONGER + DONE :] == pytest.approx([0.5 * (1 - i / LONGER) ** 0.9 for i in range(DONE, LONGER)])


def test_a_run_that_ends_early_leaves_a_checkpoint_of_its_end(tiny_config, tmp_path):
    stop = dict(type='EarlyStoppingHook', monitor='mIoU', patience=1, min_delta=101, rule='greater')
    config = tiny_config('source_only', tmp_path / 'run', custom_hooks=[stop])
    config.train_cfg.val_interval = 1
    config.default_hooks.checkpoint.interval = 100
    build_runner(config).train()
    last = (tmp_path / 'run/last_checkpoint').read_text()
    assert last.endswith('iter_2.pth')
    assert read_checkpoint(last)['meta']['iter'] == 2
