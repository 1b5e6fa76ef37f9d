"""Numbers that arrive later: the path of a GPU, on the CPU."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import LoggerHook
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmseg.registry import HOOKS
from torch import nn

from i2vda_mmseg.engine.hooks import check_finite_hook, late_runtime_info_hook
from i2vda_mmseg.errors import NonFiniteError


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """Let every tensor count as one that the program would have to wait for."""
    for module in (check_finite_hook, late_runtime_info_hook):
        monkeypatch.setattr(module, 'is_elsewhere', lambda value: isinstance(value, torch.Tensor))


class Run:
    """What the hooks see of a runner: one linear layer, logged every third iteration."""

    def __init__(self, name, **hook):
        self.model = nn.Linear(3, 1)
        wrapper = OptimWrapper(torch.optim.SGD(self.model.parameters(), 0.1), clip_grad=dict(max_norm=1e6))
        self.message_hub = wrapper.message_hub = MessageHub.get_instance(name)
        self.hook = HOOKS.build(hook)
        self.logger_hook = LoggerHook(interval=3)
        self.runner = SimpleNamespace(
            model=self.model, iter=0, max_iters=9, epoch=0, max_epochs=1, work_dir='work', optim_wrapper=wrapper,
            message_hub=self.message_hub, hooks=[self.hook, self.logger_hook],
            train_dataloader=SimpleNamespace(dataset=None),
        )  # fmt: skip
        self.hook.before_train(self.runner)

    def step(self, x=1.0, **terms):
        data = dict(source=dict(data_samples=[SimpleNamespace(metainfo=dict(img_path=f'{self.runner.iter}.png'))]))
        if isinstance(self.hook, check_finite_hook.CheckFiniteHook):
            self.hook.before_train_iter(self.runner, self.runner.iter, data)
        loss = self.model(torch.full((1, 3), x)).sum()
        self.runner.optim_wrapper.update_params(loss)
        outputs = dict(loss=loss.detach(), **{name: torch.tensor(value) for name, value in terms.items()})
        self.hook.after_train_iter(self.runner, self.runner.iter, data, outputs)
        self.runner.iter += 1
        return loss.item()

    def history(self, name):
        buffer = self.message_hub.log_scalars.get(f'train/{name}')
        return [] if buffer is None else buffer.data[0].tolist()


def test_terms_come_an_iteration_later_and_are_complete_when_a_line_is_logged():
    run = Run('late', type='LateRuntimeInfoHook')
    losses, seen = [], []
    for _ in range(7):
        losses.append(run.step())
        seen.append(len(run.history('loss')))
    assert seen == [0, 1, 3, 3, 4, 6, 6]
    run.hook.deliver(run.runner)
    assert run.history('loss') == pytest.approx(losses, abs=1e-7)
    assert len(run.history('grad_norm')) == 7
    assert run.history('grad_norm') == pytest.approx([2.0] * 7)  # of three ones and the bias


def test_the_optimizers_are_left_as_they_were():
    run = Run('left', type='LateRuntimeInfoHook')
    noting = run.runner.optim_wrapper.clip_func
    run.message_hub.update_info('loop_stage', 'train')
    run.hook.after_train(run.runner)
    assert run.runner.optim_wrapper.clip_func is torch.nn.utils.clip_grad.clip_grad_norm_
    assert noting is not run.runner.optim_wrapper.clip_func


def test_a_term_that_went_wrong_is_named_with_its_own_iteration_an_iteration_later():
    run = Run('term', type='CheckFiniteHook')
    run.step(other=1.0)
    run.step(other=math.nan)
    with pytest.raises(
        NonFiniteError, match=r'in iteration 2 of 9: other went wrong.*other=nan\. Samples: source 1\.png'
    ):
        run.step(other=1.0)


def test_a_gradient_that_went_wrong_stops_the_run_before_it_is_saved_or_validated():
    for door in ('deliver', 'before_val'):
        run = Run(f'gradient {door}', type='CheckFiniteHook')
        run.step()
        run.model.weight.register_hook(lambda gradient: gradient * math.inf)
        run.step()
        with pytest.raises(
            NonFiniteError, match='iteration 2 of 9: the gradient of the model is not finite in 1 tensors'
        ):
            getattr(run.hook, door)(run.runner)


def test_flags_are_carried_and_arrive_an_iteration_later():
    run = Run('flags', type='CheckFiniteHook')
    asked = []
    run.hook.carried['asked'] = lambda: bool(asked)
    run.step()
    run.step()
    assert run.hook.raised == {'asked': False}
    asked.append(1)
    run.step()
    assert run.hook.raised == {'asked': False}
    run.step()
    assert run.hook.raised == {'asked': True}
