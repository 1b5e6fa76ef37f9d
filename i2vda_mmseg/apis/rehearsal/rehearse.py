"""Iterations of a config's training on the fake device, with its runner and its hooks."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.device import utils as device_utils
from mmengine.hooks import Hook
from torch import nn

from i2vda_mmseg.apis.checked_runner import CheckedRunner
from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.apis.config_flow import complete_workers_flow
from i2vda_mmseg.apis.config_keys import all_dicts
from i2vda_mmseg.apis.config_loading import complete_loading
from i2vda_mmseg.engine.loops import stages_in
from i2vda_mmseg.engine.optimizers import bfloat16_optim_wrapper
from i2vda_mmseg.errors import check_choice

from .blank_data import blank_loader
from .fake_device import NAME, Waits, build, fake_device

PRECISIONS = ('float32', 'bfloat16')
# What takes the place of an OptimWrapper; few steps leave the scale of the loss no time to find itself.
WRAPPERS: dict[str, dict[str, Any]] = dict(
    float32={},
    bfloat16=dict(type='Bfloat16OptimWrapper'),
    float16=dict(type='AmpOptimWrapper', dtype='float16', loss_scale=dict(init_scale=512.0)),
)
_LEFT_OUT = ('checkpoint', 'visualization')  # which write files


@dataclass
class Rehearsal:
    """What was seen.

    Attributes:
        waits: For each iteration, what the program waited for the device for.
        logged: Names of the terms that were logged, and the devices that they were on.
    """

    waits: list[Waits] = field(default_factory=list)
    logged: dict[str, str] = field(default_factory=dict)

    def steady(self) -> Waits:
        """Waits of the last iteration, when nothing is made for the first time any more."""
        return self.waits[-1]


def rehearse(
    config: Config, iterations: int = 3, precision: str = 'float32', watch: Hook | None = None, last_stage: bool = False
) -> Rehearsal:
    """Train on the fake device: forward, backward and optimizers of all networks, at the sizes of the config.

    L_tc sets in with iteration 1, so that iterations before and after ITER_LAUNCH are seen. Weights are not loaded, and
    flow estimators have drawn ones.

    Args:
        config: A config of this package. It is not changed.
        iterations: How many.
        precision: 'float32' or 'bfloat16'.
        watch: A hook to run with the others.
        last_stage: Whether the data are those of the last of several stages, pseudo-labels included, or of the first.

    Raises:
        RuntimeError: If two devices meet in one operation.
    """
    stages = stages_in(config.train_cfg)
    config = _prepared(config, iterations, precision)
    check_config(config)
    complete_workers_flow(config)
    complete_loading(config)
    seen = Rehearsal()
    with (
        tempfile.TemporaryDirectory() as folder,
        _device_of_mmengine(),
        mock.patch.object(bfloat16_optim_wrapper, 'autocast', partial(torch.autocast, NAME)),
    ):
        config.work_dir = folder
        loading = stages[-1].dataloader(config.train_dataloader, folder) if last_stage else config.train_dataloader
        loader = blank_loader(loading, folder, pseudo_labels=last_stage)
        with fake_device() as waits:
            runner = _Runner(
                model=build(config.model),
                work_dir=folder,
                train_dataloader=loader,
                train_cfg=config.train_cfg,
                optim_wrapper=config.optim_wrapper,
                param_scheduler=config.param_scheduler,
                default_hooks=config.default_hooks,
                custom_hooks=[_Recorder(seen, waits), *filter(None, [watch])],
                randomness=config.get('randomness', dict(seed=0)),
                log_processor=config.get('log_processor'),
                default_scope=config.get('default_scope', 'mmseg'),
                log_level='ERROR',
                experiment_name=f'rehearsal-{id(seen)}',
                cfg=config,
            )
            runner.train()
    return seen


class _Runner(CheckedRunner):
    """A runner of a model that is on its device already and has no values to initialise."""

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Leave it where it is."""
        return model

    def _init_model_weights(self) -> None:
        pass


class _Recorder(Hook):
    """Keep the waits of each iteration apart, those of all hooks included."""

    priority = 'LOWEST'

    def __init__(self, seen: Rehearsal, waits: Waits) -> None:
        self.seen, self.waits = seen, waits

    def before_train(self, runner: Any) -> None:
        """Forget what building took."""
        self.waits.clear()

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Put the waits of an iteration away."""
        self.seen.waits.append(Waits(self.waits))
        self.waits.clear()
        self.seen.logged.update({name: str(value.device) for name, value in (outputs or {}).items()})


def _prepared(config: Config, iterations: int, precision: str) -> Config:
    """A copy of the config that trains for a few iterations without files."""
    check_choice('precision', precision, PRECISIONS)
    config = without_weights(config, precision)
    config.merge_from_dict(dict(val_dataloader=None, val_cfg=None, val_evaluator=None, load_from=None, resume=False))
    config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=iterations + 1)
    config.default_hooks = {name: _hook(name, hook, iterations) for name, hook in config.default_hooks.items()}
    return config


def without_weights(config: Config, precision: str = 'float32') -> Config:
    """Give a copy whose networks start from drawn weights, and whose optimizers compute in a precision.

    Args:
        config: A config of this package.
        precision: A key of ``WRAPPERS``.
    """
    config = deepcopy(config)
    for part in all_dicts(config.model):
        part.update({key: None for key in ('init_cfg', 'pretrained') if part.get(key)})
        if part.get('type') == 'MMFlow':
            part['checkpoint'] = None
    for wrapper in all_dicts(config.optim_wrapper):
        if precision != 'float32' and wrapper.get('type') in {'OptimWrapper', 'AmpOptimWrapper'}:
            wrapper.update(WRAPPERS[precision])
    return config


def _hook(name: str, hook: dict | None, iterations: int) -> dict | None:
    """Let L_tc set in with iteration 1, M' be renewed each time, and nothing be logged or written."""
    if hook is None or name in _LEFT_OUT:
        return None
    if hook['type'] in {'ProxyCopyHook', 'LaunchHook'}:
        return hook | {key: 1 for key in ('launch', 'interval') if key in hook}
    return hook | dict(interval=iterations + 1) if hook['type'] == 'LoggerHook' else hook


@contextmanager
def _device_of_mmengine() -> Iterator[None]:
    """Let mmengine take the fake device for the machine's."""
    before, device_utils.DEVICE = device_utils.DEVICE, NAME
    try:
        yield
    finally:
        device_utils.DEVICE = before
