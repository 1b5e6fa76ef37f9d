"""Learning rates and momenta where one stage of training ends and the next begins."""

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch.optim import Optimizer

from .stage import Stage


class StageRatesHook(Hook):
    """Start each stage from the initial learning rates, times its ``lr_factor``, and without momenta.

    This is done at the end of the stage before, after the schedulers' step and before the checkpoint, which holds it: a
    decay whose last value belongs to the iteration after its stage (``end`` = stage's end + 1, as
    ``base * (1 - i / iters) ** power`` asks for) leaves the next stage alone, and a warm-up that begins with the next
    stage acts on its rates.

    Args:
        stages: The stages of the run.
    """

    priority = 80  # between ParamSchedulerHook's LOW and a checkpoint's VERY_LOW

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.factors = {stage.begin: stage.lr_factor for stage in stages[1:]}

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Reset the optimizers where a stage ends."""
        begin = runner.iter + 1
        if begin not in self.factors:
            return
        for optimizer in optimizers_of(runner):
            optimizer.state.clear()
            for group in optimizer.param_groups:
                group['lr'] = self.factors[begin] * group['initial_lr']
        for scheduler in _schedulers_of(runner):
            if scheduler.begin == begin:
                for group, value in zip(scheduler.optimizer.param_groups, scheduler._get_value()):
                    group[scheduler.param_name] = value


def optimizers_of(runner: Runner) -> list[Optimizer]:
    """Give the optimizers of a runner, one or several."""
    wrapper = runner.optim_wrapper
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    return [wrapper.optimizer for wrapper in wrappers]


def _schedulers_of(runner: Runner) -> Iterator[Any]:
    schedulers = runner.param_schedulers or []
    for members in schedulers.values() if isinstance(schedulers, dict) else [schedulers]:
        yield from members
