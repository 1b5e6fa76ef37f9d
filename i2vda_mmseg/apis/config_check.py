"""Config mistakes, found before anything is built."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import DATASETS
from torch import nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.evaluation.protocols import PROTOCOLS
from i2vda_mmseg.flow import FlowCache
from i2vda_mmseg.flow.models import padding_of
from i2vda_mmseg.models.wrappers import unwrapped

from .config_flow import check_workers_flow
from .config_keys import arguments_of, check_keys
from .config_schedule import check_loop, check_schedule

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')


def check_config(config: Config) -> None:
    """Refuse a config whose parts do not fit together; sections that are absent are not looked at.

    Looked at are unknown keys, schedule, optimizers, the size of the frames that the flow estimator gets, and what
    makes flow in the data workers. What needs data or weights is checked where these are read.

    Raises:
        ConfigError: In one sentence that starts with the path of the key.
    """
    check_loop(config)
    check_keys(config)
    check_schedule(config)
    check_flow(config)
    check_workers_flow(config)


def check_model(model: Any, config: Mapping[str, Any]) -> None:
    """Refuse a model whose classes are not those of the data, and optimizer settings of weights that it has not.

    The discriminator is compared by the method, which knows how many channels it shows it.

    Args:
        model: As it was built, a method or a plain segmentor.
        config: Of the run. Its data sets are built without being read.

    Raises:
        ConfigError: With the two keys that differ, or the key that matches no weight.
    """
    counts = [*_head_classes(model), *_data_classes(config), *_protocol_classes(config)]
    for path, count in counts[1:]:
        first, expected = counts[0]
        if count != expected:
            raise ConfigError(f'{path}: {count} classes, but {first} has {expected}; change one of the two')
    for path, network, wrapper in _optimized(unwrapped(model), config.get('optim_wrapper') or {}):
        names = [name for name, _ in network.named_parameters()]
        for key in (wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}:
            is_optional = hasattr(network, f'with_{key}')  # a part that mmseg's segmentors may have: auxiliary_head
            if not is_optional and not any(key in name for name in names):
                parts = {part for name in names for part in (*name.split('.'), *_beginnings(name))}
                near = get_close_matches(key, sorted(parts), 3)
                hint = f'did you mean {" or ".join(near)}?' if near else f'its weights are like {names[0]}'
                raise ConfigError(f'{path}.paramwise_cfg.custom_keys.{key}: no weight of the network has it; {hint}')


def check_flow(config: Mapping[str, Any]) -> None:
    """Refuse a flow cache of another size than the target frames, and warn of frames that are mostly padding.

    Raises:
        ConfigError: If the cache is absent, damaged or of another size.
    """
    estimator = (config.get('model') or {}).get('flow_estimator')
    size = _target_size(config)
    if not isinstance(estimator, Mapping) or size is None:
        return
    smallest = _smallest(estimator)
    if min(size) < smallest:
        print_log(
            f'model.flow_estimator: {estimator.get("type")} works on at least {smallest}x{smallest} pixels, and the '
            f'target frames are {size[0]}x{size[1]} (H x W): most of what it sees is padding',
            logger='current',
            level=30,
        )
    if estimator.get('type') == 'CachedFlow':
        try:
            FlowCache(estimator['root']).require(size=size)
        except (ValueError, FileNotFoundError) as error:
            raise ConfigError(f'model.flow_estimator.root: {error}') from error


def _optimized(model: Any, wrapper: Mapping[str, Any]) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    if 'optimizer' in wrapper:
        yield 'optim_wrapper', model, wrapper
    for name, child in model.named_children():
        if isinstance(wrapper.get(name), Mapping):
            yield f'optim_wrapper.{name}', child, wrapper[name]


def _beginnings(name: str) -> Iterator[str]:
    parts = name.split('.')
    return ('.'.join(parts[:count]) for count in range(2, len(parts)))


def _head_classes(model: Any) -> Iterator[tuple[str, int]]:
    model = unwrapped(model)
    path, network = ('model.segmentor', unwrapped(model.segmentor)) if hasattr(model, 'segmentor') else ('model', model)
    for name in ('decode_head', 'auxiliary_head'):
        heads: Any = getattr(network, name, None)
        several = isinstance(heads, nn.ModuleList)
        for index, head in enumerate(heads if several else [heads] if heads is not None else []):
            if hasattr(head, 'num_classes'):
                yield f'{path}.{name}{f".{index}" if several else ""}.num_classes', head.num_classes


def _data_classes(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for loader in LOADERS:
        yield from _classes_below(f'{loader}.dataset', (config.get(loader) or {}).get('dataset'))


def _classes_below(path: str, dataset: Any) -> Iterator[tuple[str, int]]:
    """Build each data set without reading it, and count its classes.

    Those of a target count only where the config names them: it trains without its labels.
    """
    inner = {name: dataset[name] for name in ('dataset', 'source', 'target', 'datasets') if dataset and name in dataset}
    for name, value in inner.items():
        for index, each in enumerate(value if isinstance(value, (list, tuple)) else [value]):
            yield from _classes_below(f'{path}.{name}{f".{index}" if value is not each else ""}', each)
    if inner or not isinstance(dataset, Mapping) or 'type' not in dataset:
        return
    key = next((key for key in ('metainfo', 'class_space') if dataset.get(key)), 'type')
    kind = DATASETS.get(dataset['type']) if isinstance(dataset['type'], str) else dataset['type']
    if 'lazy_init' in arguments_of(kind)[0] and not (path.endswith('.target') and key == 'type'):
        classes = DATASETS.build(dict(dataset, lazy_init=True, pipeline=[])).metainfo.get('classes')
        if classes is not None:
            yield f'{path}.{key}{".classes" if key == "metainfo" else ""}', len(classes)


def _protocol_classes(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for section in EVALUATORS:
        value = config.get(section) or []
        for evaluator in value if isinstance(value, (list, tuple)) else [value]:
            if evaluator.get('protocol') in PROTOCOLS:
                yield f'{section}.protocol', PROTOCOLS[evaluator['protocol']].trained


def _target_size(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """Give (H, W) of the target frames as their pipeline leaves them, or None where the config does not tell."""
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    size = None
    for step in _steps((dataset.get('target') or {}).get('pipeline') or []):
        if step.get('type') == 'Resize' and step.get('keep_ratio') is False and step.get('scale'):
            size = tuple(step['scale'])[::-1]
        elif isinstance(step.get('crop_size'), (list, tuple)):
            size = tuple(step['crop_size'])
    return size


def _steps(pipeline: Any) -> Iterator[Mapping[str, Any]]:
    for step in pipeline:
        yield step
        yield from _steps(step.get('transforms') or [])


def _smallest(estimator: Mapping[str, Any]) -> int:
    if estimator.get('min_size'):
        return estimator['min_size']
    if estimator.get('type') == 'MMFlow':
        model = estimator.get('model')
        return padding_of(str(model.get('type') if isinstance(model, Mapping) else model))[1]
    return 32 if estimator.get('type') == 'DISFlow' else 1
