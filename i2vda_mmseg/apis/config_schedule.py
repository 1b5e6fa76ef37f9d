"""Checks of what happens when: iterations, intervals, learning rates, optimizers."""

import inspect
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.registry import Registry
from mmseg.registry import HOOKS, MODELS

from i2vda_mmseg.engine.hooks import LaunchHook
from i2vda_mmseg.engine.optimizers import schedulers_of
from i2vda_mmseg.engine.optimizers.separate_constructor import check_backbone_steps
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors import DomainAdaptiveSegmentor

from .config_flow import flow_users
from .mixed_precision import check_precision

_DECAYING_TO_ETA_MIN = ('PolyLR', 'CosineAnnealingLR')


def check_schedule(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for a schedule whose parts do not fit."""
    loop = config.get('train_cfg') or {}
    for key in ('max_iters', 'val_interval'):
        if loop.get(key) is not None:
            _check_positive(f'train_cfg.{key}', loop[key])
    max_iters = loop.get('max_iters') or sum(stage.get('iters', 0) for stage in loop.get('stages') or [])
    for path, scheduler in schedulers_of(config.get('param_scheduler')):
        _check_positive(f'{path}.end', scheduler.get('end') or 1)
    for section in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        _check_positive(f'{section}.batch_size', (config.get(section) or {}).get('batch_size', 1))
    for path, hook in _hooks(config):
        if 'interval' in hook and hook['interval'] != -1:  # mmengine's word for never
            _check_positive(f'{path}.interval', hook['interval'])
        if _is_a(HOOKS, hook, LaunchHook):
            launch = hook.get('launch', _default_launch(hook) if _launches(config) else 0)
            _check_positive(f'{path}.launch', launch or 1)
            _check_launch(f'{path}.launch', launch, config, max_iters)
    if config.get('optim_wrapper'):
        _check_optimizers(config)
    if max_iters and 'stages' not in loop:
        _check_learning_rates(dict(schedulers_of(config.get('param_scheduler'))), max_iters)


def check_loop(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for epochs of pairs, which are drawn without an end, and what would wait for one's end."""
    loop = config.get('train_cfg') or {}
    loader = config.get('train_dataloader') or {}
    kinds = ((loader.get('dataset') or {}).get('type'), (loader.get('sampler') or {}).get('type'))
    if not {'DomainPairDataset', 'DomainPairSampler', 'InfiniteSampler'} & set(kinds):
        return
    advice = (
        'pairs of images and frames are drawn without an end; count iterations: train_cfg=dict(_delete_=True, '
        "type='IterBasedTrainLoop', max_iters=50000, val_interval=2000)"
    )
    for key in ('by_epoch', 'max_epochs'):
        if loop.get(key):
            raise ConfigError(f'train_cfg.{key}: there are no epochs, as {advice}')
    if loop.get('type') == 'EpochBasedTrainLoop':
        raise ConfigError(f"train_cfg.type: an epoch of 'EpochBasedTrainLoop' would never end, as {advice}")
    for path, hook in _hooks(config):
        if _is_a(HOOKS, hook, CheckpointHook) and hook.get('by_epoch', True):
            raise ConfigError(f'{path}.by_epoch: set it to False: it would wait for the end of an epoch to save')


def _is_a(registry: Registry, config: Mapping[str, Any], base: type) -> bool:
    kind = registry.get(config['type']) if isinstance(config.get('type'), str) else None
    return inspect.isclass(kind) and issubclass(kind, base)


def _check_positive(path: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f'{path}: must be a whole number of at least 1, got {value!r}')


def _default_launch(hook: Mapping[str, Any]) -> int:
    return inspect.signature(HOOKS.get(hook['type'])).parameters['launch'].default


def _launches(config: Mapping[str, Any]) -> bool:
    """Whether the model has something to launch: a temporal-augmented consistency with pseudo-labels."""
    return any(part.get('pseudo_label_head') for _, part in flow_users(config))


def _check_launch(path: str, launch: int, config: Mapping[str, Any], max_iters: int) -> None:
    """Refuse a launch after the end; one that a trial run does not live to see is told by the hook itself."""
    ends = [(scheduler.get('end') or 1) - 1 for _, scheduler in schedulers_of(config.get('param_scheduler'))]
    end = max(max_iters, *ends, 0)
    if 0 < end <= launch:
        raise ConfigError(
            f'{path}: ITER_LAUNCH is iteration {launch}, but the schedule ends after {end}: the temporal-augmented '
            'consistency would never be used; set it below train_cfg.max_iters'
        )


def _hooks(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    named = [(f'default_hooks.{name}', hook) for name, hook in (config.get('default_hooks') or {}).items()]
    listed = [(f'custom_hooks.{index}', hook) for index, hook in enumerate(config.get('custom_hooks') or [])]
    return ((path, hook) for path, hook in named + listed if isinstance(hook, Mapping))


def _check_optimizers(config: Mapping[str, Any]) -> None:
    model = config.get('model') or {}
    if _is_a(MODELS, model, DomainAdaptiveSegmentor):
        _check_separate(config['optim_wrapper'], model)
    if config['optim_wrapper'].get('constructor') != 'SeparateOptimWrapperConstructor':
        return
    settings = {key: value for key, value in config['optim_wrapper'].items() if not isinstance(value, Mapping | None)}
    check_backbone_steps(settings.get('backbone_steps', 'once'))
    if strangers := sorted(set(settings) - {'constructor', 'backbone_steps'}):
        raise ConfigError(
            f"optim_wrapper.{strangers[0]}: nothing reads this key; beside the networks stand 'constructor' and "
            "'backbone_steps'"
        )
    wrappers = {name: value for name, value in config['optim_wrapper'].items() if isinstance(value, Mapping)}
    for name in ('segmentor', 'discriminator'):
        if model.get(name) and name not in wrappers:
            raise ConfigError(f'optim_wrapper.{name}: missing, but model.{name} is to be trained')
    for name, wrapper in wrappers.items():
        path = f'optim_wrapper.{name}'
        if model and name not in model:
            raise ConfigError(f'{path}: there is no model.{name}; name one of {sorted(_networks(model))}')
        if 'optimizer' not in wrapper:
            raise ConfigError(f'{path}.optimizer: missing; give one such as dict(type="SGD", lr=2.5e-4)')
        check_precision(name, wrapper)
        _check_window(path, wrapper.get('accumulative_counts', 1), config)
    schedulers = config.get('param_scheduler')
    if isinstance(schedulers, Mapping) and 'type' not in schedulers and set(schedulers) != set(wrappers):
        raise ConfigError(
            f'param_scheduler: it names {sorted(schedulers)} but optim_wrapper {sorted(wrappers)}; name the same'
        )


def _check_separate(wrapper: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    if 'optimizer' in wrapper:
        settings = ', '.join(f'{key}={value!r}' for key, value in dict(wrapper['optimizer']).items())
        parts = ', '.join(f'{name}=dict(optimizer=dict({settings}))' for name in _networks(model))
        raise ConfigError(
            'optim_wrapper.optimizer: a method has an optimizer for each network that it trains; write optim_wrapper = '
            f"dict(_delete_=True, constructor='SeparateOptimWrapperConstructor', {parts})"
        )
    if wrapper.get('constructor') != 'SeparateOptimWrapperConstructor':
        raise ConfigError("optim_wrapper.constructor: must be 'SeparateOptimWrapperConstructor' for a method")


def _networks(model: Mapping[str, Any]) -> list[str]:
    return [name for name in ('segmentor', 'discriminator') if name in model]


def _check_window(path: str, window: Any, config: Mapping[str, Any]) -> None:
    """Keep the ends of stages at the ends of windows; ``AtomicCheckpointHook`` does so with checkpoints."""
    _check_positive(f'{path}.accumulative_counts', window)
    for index, stage in enumerate((config.get('train_cfg') or {}).get('stages') or []):
        if stage.get('iters', 0) % window:
            raise ConfigError(
                f'train_cfg.stages.{index}.iters: {stage["iters"]} is no multiple of {path}.accumulative_counts = '
                f'{window}: gradients of one stage would be applied in the next'
            )


def _check_learning_rates(schedulers: Mapping[str, Any], max_iters: int) -> None:
    """Refuse epochs, and warn of ends that a trial run of another length may have intended."""
    ends = {path: scheduler.get('end') or max_iters for path, scheduler in schedulers.items()}
    for path, scheduler in schedulers.items():
        end, group = ends[path], path.rpartition('.')[0]
        last = max(other for place, other in ends.items() if place.rpartition('.')[0] == group)
        if scheduler.get('by_epoch', True) and not scheduler.get('convert_to_iter_based'):
            raise ConfigError(f'{path}.by_epoch: must be False, training counts iterations and not epochs')
        reaches_zero = scheduler.get('type') in _DECAYING_TO_ETA_MIN and not scheduler.get('eta_min')
        fault = None
        if reaches_zero and not scheduler.get('eta_min_ratio') and end == last < max_iters:
            fault = f'training lasts {max_iters}: the learning rate is 0 from there on'
        elif end > max_iters + 1:  # the last value, of iteration end - 1, is that of a step that is not taken
            fault = f'training ends after {max_iters}: its decay is cut short'
        if fault:
            print_log(f'{path}.end is iteration {end}, but {fault}', logger='current', level=logging.WARNING)
