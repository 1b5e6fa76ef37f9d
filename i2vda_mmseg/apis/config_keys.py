"""Which keys a config may hold: the arguments of what it names."""

import inspect
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from mmengine.registry import Registry
from mmengine.runner import LogProcessor, Runner, set_random_seed
from mmseg.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TASK_UTILS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
)
from torch.utils.data import DataLoader

from i2vda_mmseg.errors import ConfigError

_DATA = (DATASETS, TRANSFORMS, DATA_SAMPLERS)
# Top-level key: the registries that its types are looked up in.
SECTIONS: dict[str, tuple[Registry, ...]] = dict(
    model=(MODELS, TRANSFORMS, TASK_UTILS), train_dataloader=_DATA, val_dataloader=_DATA, test_dataloader=_DATA,
    val_evaluator=(METRICS,), test_evaluator=(METRICS,), tc_dataloader=_DATA, tc_evaluator=(METRICS, MODELS),
    train_cfg=(LOOPS, TASK_UTILS, DATASETS, TRANSFORMS), val_cfg=(LOOPS,), test_cfg=(LOOPS, *_DATA, METRICS, MODELS),
    optim_wrapper=(OPTIM_WRAPPERS, OPTIMIZERS), param_scheduler=(PARAM_SCHEDULERS,), default_hooks=(HOOKS,),
    custom_hooks=(HOOKS,), visualizer=(VISUALIZERS, VISBACKENDS),
)  # fmt: skip
# What mmengine takes out of a config before it builds it.
_TAKEN = {
    HOOKS: {'priority'},
    PARAM_SCHEDULERS: {'convert_to_iter_based'},
    OPTIM_WRAPPERS: {'paramwise_cfg', 'optimizer', 'constructor'},
    LOOPS: {'by_epoch'},
}
_LOADER = set(inspect.signature(DataLoader.__init__).parameters) | {'num_batch_per_epoch', 'disable_subprocess_warning'}
# Keys that these sections do not take, but that look like one they do.
_READ = dict(
    randomness=set(inspect.signature(set_random_seed).parameters),
    env_cfg={'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    log_processor=set(inspect.signature(LogProcessor.__init__).parameters) | {'type'},
)
TOP = (set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}) | {
    'custom_imports', 'model_wrapper_cfg', 'tta_model', 'tta_pipeline', 'compile', 'sync_bn', 'efficient_conv_bn_eval',
    'activation_checkpointing', 'find_unused_parameters', 'tc_dataloader', 'tc_evaluator', 'class_space',
}  # fmt: skip
# Names that configs of this ecosystem give to parts of their own.
_CUSTOMARY = {
    'train_pipeline', 'val_pipeline', 'test_pipeline', 'source_pipeline', 'target_pipeline', 'norm_cfg', 'segmentor',
    'discriminator', 'dataset_type', 'data_root', 'crop_size', 'max_iters', 'optimizer', 'vis_backends',
}  # fmt: skip
_ON_INHERITED = ' (If you changed the type and the key is inherited: dict(_delete_=True, type=...) starts afresh)'


def check_keys(config: Mapping[str, Any]) -> None:
    """Raise ConfigError, with the name that was probably meant, for a key that nothing reads.

    Of this package's classes, and of those that take no others than they name, every key is looked at. At the top
    level, where a config may have variables of its own, only those that look like a known key.
    """
    for key in config:
        near = get_close_matches(key, sorted(TOP | {'vis_backends'}), 1, cutoff=0.8)
        # longer or shorter by more than two letters is another word, such as small_data_preprocessor
        if near and key not in TOP | _CUSTOMARY and abs(len(near[0]) - len(key)) <= 2:
            raise ConfigError(f'{key}: nothing reads this key; did you mean {near[0]!r}? Rename a variable of your own')
    for section, read in _READ.items():
        for key in set(config.get(section) or {}) - read:
            if near := get_close_matches(key, sorted(read), 1):
                raise ConfigError(f'{section}.{key}: nothing reads this key; did you mean {near[0]!r}?')
    for section, registries in SECTIONS.items():
        for path, value in dicts_below(config.get(section), section):
            _check_dict(path, value, registries)


def _check_dict(path: str, value: Mapping[str, Any], registries: tuple[Registry, ...]) -> None:
    if path.endswith('_dataloader'):
        _refuse_strangers(path, value, _LOADER, 'a data loader')
    if not isinstance(value.get('type'), str):
        return
    kind, registry = _find(path, value['type'], registries)
    names, takes_no_others = arguments_of(kind)
    allowed = names | {'type', '_scope_'} | _TAKEN.get(registry, set())
    if takes_no_others:
        _refuse_strangers(path, value, allowed, value['type'])
        return
    for key in set(value) - allowed:  # only what is a letter away from an argument: there may be others
        near = get_close_matches(key, sorted(names), 1, cutoff=0.8)
        if near and abs(len(near[0]) - len(key)) <= 1:
            hint = f'did you mean {near[0]!r}?{_ON_INHERITED}'
            raise ConfigError(f'{path}.{key}: {value["type"]} takes no {key!r}; {hint}')


def arguments_of(kind: Any) -> tuple[set[str], bool]:
    """Give the names of the arguments that a class takes, and whether it is known to take no others.

    ``**kwargs`` are followed up to the class that has none. Those of this project hand them on unread; of others that
    is not known, and they may take more.
    """
    names: set[str] = set()
    for base in inspect.getmro(kind) if inspect.isclass(kind) else (kind,):
        if inspect.isclass(base) and '__init__' not in vars(base):
            continue
        try:
            parameters = inspect.signature(base.__init__ if inspect.isclass(base) else base).parameters.values()
        except (TypeError, ValueError):  # of C, or nothing that is called
            return names, False
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        names |= {parameter.name for parameter in parameters if parameter.kind in named}
        collectors = {parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.VAR_KEYWORD}
        if not collectors:
            return names, base is kind or kind.__module__.startswith('i2vda_mmseg.')
        if collectors != {'kwargs'}:
            break
    return names, False


def dicts_below(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Walk over the dicts of a config with their paths, without those that are no configs of a class."""
    if isinstance(value, Mapping):
        yield path, value
        for key, child in value.items() if value.get('type') != 'MMFlow' else ():
            if not str(key).endswith('_cfg') and key not in ('metainfo', 'collate_fn', 'worker_init_fn'):
                yield from dicts_below(child, f'{path}.{key}')
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from dicts_below(child, f'{path}.{index}')


def scale_of(step: Mapping[str, Any]) -> tuple[int, int] | None:
    """Give the (width, height) that a ``Resize`` of a pipeline names; None of another step, or of one by a factor.

    Example:
        >>> scale_of(dict(type='Resize', scale=(64, 32))), scale_of(dict(type='Resize', scale=64))
        ((64, 32), (64, 64))
    """
    scale = step.get('scale') if step.get('type') == 'Resize' else None
    if not scale:
        return None
    width, height = (scale, scale) if isinstance(scale, int) else scale  # mmcv takes one number for both
    return int(width), int(height)


def all_dicts(value: Any) -> Iterator[dict]:
    """Walk over all dicts of a part of a config, itself included."""
    if isinstance(value, dict):
        yield value
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return
    for child in value:
        yield from all_dicts(child)


def _find(path: str, name: str, registries: tuple[Registry, ...]) -> tuple[Any, Any]:
    for registry in registries:
        if (kind := registry.get(name)) is not None:
            return kind, registry
    known = {known for registry in registries for level in _family(registry) for known in level.module_dict}
    if '.' not in name and (near := get_close_matches(name, sorted(known), 1)):
        raise ConfigError(f'{path}.type: there is no {name!r}; did you mean {near[0]!r}?')
    return None, None


def _family(registry: Registry) -> list[Registry]:
    return [registry] if registry.parent is None else [registry, *_family(registry.parent)]


def _refuse_strangers(path: str, value: Mapping[str, Any], allowed: set[str], what: str) -> None:
    for key in value:
        if key not in allowed:
            near = get_close_matches(key, sorted(allowed), 1)
            arguments = sorted(allowed - {'self', 'type', '_scope_'})
            hint = f'did you mean {near[0]!r}?' if near else f'it takes {", ".join(arguments) or "none"}'
            raise ConfigError(f'{path}.{key}: {what} takes no {key!r}; {hint}{_ON_INHERITED}')
