"""A cluster asks for its machine back: save, and leave."""

import os
import signal
import threading
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.utils.data import DataLoader

from i2vda_mmseg.engine.optimizers import wrappers_of

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .check_finite_hook import CheckFiniteHook

PREEMPTED = 75  # EX_TEMPFAIL of sysexits.h: failed for now, try again
SIGNALS = (signal.SIGTERM, signal.SIGUSR2, signal.SIGUSR1)  # NCCL may catch SIGUSR1 for itself


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On SIGTERM, SIGUSR2 or SIGUSR1, finish the iteration, save a checkpoint, and exit with code 75.

    With several ranks, one that is asked stops them all, after the same iteration; where there is a
    ``CheckFiniteHook``, its reduction tells them. A validation, and the labelling of frames between stages, is broken
    off, and done from its beginning when the run goes on. While gradients are being accumulated, the window is finished
    first. The checkpoint is written by the ``AtomicCheckpointHook`` of the run.

    Raises:
        SystemExit: With code 75 (``PREEMPTED``), after the checkpoint has been written.
    """

    priority = 'LOWEST'  # after the checkpoint that may be due anyway

    def __init__(self) -> None:
        self.asked = False
        self._carrier: CheckFiniteHook | None = None
        self._former: dict[int, Any] = {}
        self._history: dict[str, Any] = {}

    def before_train(self, runner: Runner) -> None:
        """Listen for the signals, and let data workers outlive the first one."""
        for loop in filter(None, (runner.train_loop, runner.val_loop)):
            loader = loop.dataloader
            if isinstance(loader, DataLoader) and loader.num_workers:
                loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)
        self.asked = False
        self._carrier = next((hook for hook in runner.hooks if isinstance(hook, CheckFiniteHook)), None)
        if self._carrier is not None:
            self._carrier.carried['asked'] = lambda: self.asked
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._on_signal) for number in SIGNALS}

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Save and leave, if any rank was asked to, and no gradients wait that a checkpoint would lose."""
        wrappers = wrappers_of(runner.optim_wrapper).values()
        if self._carrier is not None and get_world_size() > 1:
            asked = self._carrier.raised.get('asked', False)
        else:
            asked = self._any_rank_asked()
        if asked and all(wrapper.should_update() for wrapper in wrappers):
            self._leave(runner, runner.iter + 1)

    def before_val(self, runner: Runner) -> None:
        """Remember the history that a checkpoint of before this validation has."""
        self._history = {key: deepcopy(value) for key, value in _validations(runner).items()}

    def after_val_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Break off a validation within training, if any rank was asked to; samplers give all ranks equal shares."""
        if self._former and self._any_rank_asked():
            for key in _validations(runner):
                del runner.message_hub.log_scalars[key]
            runner.message_hub.log_scalars.update(self._history)
            self._leave(runner, runner.iter)

    def leave_if_asked(self, runner: Runner) -> None:
        """Save and leave between two iterations, such as while frames are labelled; all ranks call it together."""
        if self._any_rank_asked():
            self._leave(runner, runner.iter)

    def after_train(self, runner: Runner) -> None:
        """Give the signals back to whom they belonged."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}

    def _on_signal(self, number: int, frame: Any) -> None:
        self.asked = True

    def _any_rank_asked(self) -> bool:
        if get_world_size() == 1:
            return self.asked
        asked = torch.tensor(float(self.asked))
        all_reduce(asked, 'max')
        return bool(asked > 0)

    def _leave(self, runner: Runner, step: int) -> None:
        hooks = [hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook)]
        for hook in hooks:
            if not hook.has_saved(step):
                hook.save(runner, step)
        saved = f'saved after {step} iterations; go on with --resume auto' if hooks else 'without a checkpoint'
        runner.logger.warning(f'asked to stop: {saved}')
        self.after_train(runner)
        raise SystemExit(PREEMPTED)


def _validations(runner: Runner) -> dict[str, Any]:
    return {key: value for key, value in runner.message_hub.log_scalars.items() if key.startswith('val/')}


def _start_worker(start: Callable[[int], None] | None, worker_id: int) -> None:
    """Let a worker outlive the signals that a cluster sends to every process, but not its own process.

    The loader ends workers that hang by SIGTERM, and so does an interpreter that ends: theirs is obeyed.
    """
    for number in SIGNALS[1:]:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_obey_parent, daemon=True).start()
    if start is not None:
        start(worker_id)


def _obey_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        continue
    os._exit(0)
