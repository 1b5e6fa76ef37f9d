"""Loss terms for the log, without waiting for the GPU in each iteration."""

from typing import Any

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from i2vda_mmseg.engine.late_values import LateValues, is_elsewhere
from i2vda_mmseg.engine.optimizers import wrappers_of


@HOOKS.register_module()
class LateRuntimeInfoHook(RuntimeInfoHook):
    """mmengine's ``RuntimeInfoHook``, whose message hub gets the terms of an iteration on a GPU an iteration later.

    That of mmengine asks the GPU for each term in each iteration, and ``OptimWrapper`` for the norm of clipped
    gradients; each time the program waits until the GPU has done all that it was given. Here they are copied together,
    and are complete before a line is logged, before a validation and before a checkpoint. On a CPU nothing is late.
    """

    def __init__(self) -> None:
        self._late = LateValues()
        self._norms: dict[str, Tensor] = {}
        self._clipped: list[tuple[Any, Any]] = []

    def before_train(self, runner: Runner) -> None:
        """Take over the norms of gradients that are clipped."""
        super().before_train(runner)
        for wrapper in wrappers_of(runner.optim_wrapper).values():
            if wrapper.clip_grad_kwargs:
                self._clipped.append((wrapper, wrapper.clip_func))
                wrapper.clip_func = self._noting(wrapper.clip_func, wrapper.grad_name)

    def after_train(self, runner: Runner) -> None:
        """Hand over what is left, and leave the optimizers as they were."""
        self.deliver(runner)
        while self._clipped:
            wrapper, clip = self._clipped.pop()
            wrapper.clip_func = clip
        super().after_train(runner)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Send the terms of this iteration, and hand over those of the one before."""
        terms = self._norms | (outputs or {})
        self._norms = {}
        if not all(is_elsewhere(value) for value in terms.values()):
            super().after_train_iter(runner, batch_idx, data_batch, terms)
            return
        if terms:
            self._late.send(tuple(terms), torch.stack([value.float() for value in terms.values()]))
        loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
        is_logged = any(hook.every_n_inner_iters(batch_idx, hook.interval) for hook in loggers)
        self.deliver(runner, keep=0 if is_logged else 1)

    def before_val(self, runner: Runner) -> None:
        """Complete the history of training."""
        self.deliver(runner)
        super().before_val(runner)

    def deliver(self, runner: Runner, keep: int = 0) -> None:
        """Hand terms to the message hub, but for those of the last ``keep`` iterations."""
        for names, values in self._late.arrived(keep):
            for name, value in zip(names, values):
                runner.message_hub.update_scalar(f'train/{name}', value)

    def _noting(self, clip: Any, name: str) -> Any:
        def clip_and_note(*args: Any, **kwargs: Any) -> Any:
            """Clip; keep a norm that is on a device."""
            norm = clip(*args, **kwargs)
            if not is_elsewhere(norm):
                return norm
            self._norms[name] = norm
            return None  # for which OptimWrapper logs nothing

        return clip_and_note
