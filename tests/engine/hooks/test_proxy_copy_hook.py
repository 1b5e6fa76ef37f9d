from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from helpers import assert_same_state, state_of, tiny_i2vda, tiny_method
from mmseg.registry import HOOKS
from torch import nn


def hook_and_runner(interval=8000, launch=8000, max_iters=50000, model=None, **options):
    hook = HOOKS.build(dict(type='ProxyCopyHook', interval=interval, launch=launch, **options))
    return hook, SimpleNamespace(model=model or tiny_i2vda(), iter=0, max_iters=max_iters, logger=Mock())


def disturb(network):
    """Move every parameter and running statistic."""
    with torch.no_grad():
        for value in (*network.parameters(), *network.buffers()):
            value.add_(1)


def run(hook, runner, iteration):
    """Change M, call the hook as the runner does before an iteration, and say whether M' became M."""
    disturb(runner.model.segmentor)
    runner.iter = iteration
    hook.before_train_iter(runner, batch_idx=iteration)
    segmentor = runner.model.segmentor
    ours, theirs = state_of(runner.model.proxy), state_of(segmentor)
    same = {torch.equal(ours[name], theirs[name]) for name in theirs}
    assert len(same) == 1  # all of it or nothing
    return same.pop()


def test_copies_at_multiples_of_the_interval_only():
    hook, runner = hook_and_runner(interval=3, launch=0)
    assert [iteration for iteration in range(10) if run(hook, runner, iteration)] == [0, 3, 6, 9]


@pytest.mark.parametrize(('launch', 'copies'), [(5, [0, 3, 5, 6, 9]), (6, [0, 3, 6, 9]), (0, [0, 3, 6, 9])])
def test_copies_at_launch_too_when_told_to(launch, copies):
    hook, runner = hook_and_runner(interval=3, launch=launch, copy_at_launch=True)
    assert [iteration for iteration in range(10) if run(hook, runner, iteration)] == copies
    without, runner = hook_and_runner(interval=3, launch=launch)
    assert [iteration for iteration in range(10) if run(without, runner, iteration)] == [0, 3, 6, 9]


def test_a_resumed_run_keeps_its_proxy():
    hook, runner = hook_and_runner(interval=4)
    hook.before_train(runner)
    assert not run(hook, runner, 5)
    assert not run(hook, runner, 7)
    assert run(hook, runner, 8)


def test_launch():
    hook, runner = hook_and_runner(interval=3, launch=4)
    launched = []
    for runner.iter in range(7):
        hook.before_train_iter(runner, runner.iter)
        launched.append(runner.model.launched)
    assert launched == [False] * 4 + [True] * 3


def test_each_stage_launches_and_copies_by_its_own_count():
    hook, runner = hook_and_runner(interval=3, launch=4, each_stage=True)
    runner.train_loop = SimpleNamespace(stage_begin=0)
    copied, launched = [], []
    for iteration in range(14):
        runner.train_loop.stage_begin = 7 if iteration >= 7 else 0
        copied += [iteration] if run(hook, runner, iteration) else []
        launched += [iteration] if runner.model.launched else []
    assert copied == [0, 3, 6, 7, 10, 13]
    assert launched == [4, 5, 6, 11, 12, 13]


def test_launch_at_once():
    hook, runner = hook_and_runner(launch=0)
    hook.before_train_iter(runner, 0)
    assert runner.model.launched is True


def test_copies_buffers_without_aliasing():
    hook, runner = hook_and_runner(interval=1)
    model = runner.model
    disturb(model.segmentor)
    hook.before_train_iter(runner, 0)
    assert torch.equal(model.proxy.backbone.norm.running_mean, model.segmentor.backbone.norm.running_mean)
    assert model.proxy.backbone.norm.num_batches_tracked == 1
    state = state_of(model.proxy)
    disturb(model.segmentor)
    assert_same_state(model.proxy, state)
    assert not any(parameter.requires_grad for parameter in model.proxy.parameters())
    assert not any(module.training for module in model.proxy.modules())


def test_wrapped_model():
    hook, runner = hook_and_runner(interval=2, launch=2)
    model = runner.model
    model.segmentor = nn.DataParallel(model.segmentor)
    runner.model = nn.DataParallel(model)
    disturb(model.segmentor)
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    assert_same_state(model.proxy, state_of(model.segmentor.module))
    assert model.launched is False


def test_defaults_are_the_papers():
    hook = HOOKS.build(dict(type='ProxyCopyHook'))
    assert (hook.interval, hook.launch) == (8000, 8000)


@pytest.mark.parametrize('options', [dict(interval=0), dict(interval=-1), dict(launch=-1)])
def test_impossible_schedule(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f'{name} .*{value}'):
        HOOKS.build(dict(type='ProxyCopyHook') | options)


def test_model_without_a_proxy():
    hook, runner = hook_and_runner(model=tiny_method('AdaptSegNet'))
    with pytest.raises(TypeError, match='AdaptSegNet has none'):
        hook.before_train(runner)


@pytest.mark.parametrize(('max_iters', 'warns'), [(8000, True), (8001, False)])
def test_launch_after_the_end_is_told(max_iters, warns):
    hook, runner = hook_and_runner(max_iters=max_iters)
    hook.before_train(runner)
    assert runner.logger.warning.called == warns


@pytest.mark.parametrize(
    ('interval', 'options', 'warns'), [(10, {}, True), (9, {}, False), (10, dict(copy_at_launch=True), False)]
)
def test_a_proxy_that_stays_that_of_the_start_is_told(interval, options, warns):
    hook, runner = hook_and_runner(interval=interval, launch=5, max_iters=10, **options)
    hook.before_train(runner)
    assert [('10 iterations' in call.args[0]) for call in runner.logger.warning.call_args_list] == [True] * warns
