from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from helpers import tiny_i2vda, tiny_method
from mmseg.registry import HOOKS
from torch import nn


def build(**options):
    return HOOKS.build(dict(type='ProxyEMAHook') | options)


def runner_of(model, **values):
    return SimpleNamespace(model=model, iter=0, max_iters=100, logger=Mock(), **values)


def averages(momentum, iterations, start=0):
    """Run the hook on an M whose parameters are known at each iteration; returns the values of M and M'."""
    model = tiny_i2vda()
    hook, runner = build(momentum=momentum), runner_of(model)
    ours = model.proxy.backbone.conv.weight
    theirs = model.segmentor.backbone.conv.weight
    students, teachers = [], []
    generator = torch.Generator().manual_seed(0)
    for runner.iter in range(start, start + iterations):
        with torch.no_grad():
            for parameter in model.segmentor.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        hook.before_train_iter(runner, runner.iter)
        students.append(theirs.detach().double().clone())
        teachers.append(ours.double().clone())
    return students, teachers


def test_the_teacher_is_the_mean_of_all_students_below_the_cap():
    students, teachers = averages(momentum=0.999, iterations=1000)
    assert torch.equal(teachers[0], students[0])
    for i in (1, 10, 500, 999):  # 1 - 1 / 1000 is the cap
        torch.testing.assert_close(teachers[i], torch.stack(students[: i + 1]).mean(0), rtol=1e-4, atol=1e-5)


def test_at_the_cap_it_is_an_exponential_average():
    students, teachers = averages(momentum=0.75, iterations=3, start=100)
    for before, after, student in zip(teachers, teachers[1:], students[1:]):
        torch.testing.assert_close(after, 0.75 * before + 0.25 * student, rtol=1e-6, atol=1e-6)


def test_buffers_gradients_and_wrappers():
    model = tiny_i2vda()
    model.segmentor = nn.DataParallel(model.segmentor)
    with torch.no_grad():
        for value in (*model.segmentor.parameters(), *model.segmentor.buffers()):
            value.add_(1)
    before = model.proxy.backbone.norm.running_mean.clone()
    build().before_train_iter(runner_of(nn.DataParallel(model)), 0)
    assert torch.equal(model.proxy.backbone.conv.weight, model.segmentor.module.backbone.conv.weight)
    assert torch.equal(model.proxy.backbone.norm.running_mean, before)
    assert not any(parameter.requires_grad for parameter in model.proxy.parameters())


def test_leaves_the_launch_alone():
    model = tiny_i2vda()
    runner = runner_of(model)
    launch = HOOKS.build(dict(type='LaunchHook', launch=2))
    launched = []
    for runner.iter in range(4):
        for hook in (build(), launch):
            hook.before_train_iter(runner, runner.iter)
        launched.append(model.launched)
    assert launched == [False, False, True, True]


@pytest.mark.parametrize('momentum', [-0.1, 1.0])
def test_momentum_out_of_range(momentum):
    with pytest.raises(ValueError, match=f'momentum .*{momentum}'):
        build(momentum=momentum)


def test_model_without_a_proxy():
    with pytest.raises(TypeError, match=r'ProxyEMAHook .*AdaptSegNet has none'):
        build().before_train(runner_of(tiny_method('AdaptSegNet')))


@pytest.mark.parametrize(('other', 'warns'), [('ProxyCopyHook', True), ('ProxyEMAHook', False)])
def test_two_hooks_that_renew_one_proxy_are_told(other, warns):
    runner = runner_of(tiny_i2vda())
    HOOKS.build(dict(type=other)).before_run(runner)
    build().before_run(runner)
    said = [call.args[0] for call in runner.logger.warning.call_args_list]
    assert ['ProxyEMAHook' in line and 'ProxyCopyHook' in line for line in said] == [True] * warns
