"""Config mistakes, found before anything is built."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from i2vda_mmseg.datasets.class_spaces import CLASS_SPACES
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.evaluation.protocols import PROTOCOLS
from i2vda_mmseg.flow import FlowCache
from i2vda_mmseg.flow.models import padding_of

from .config_flow import check_workers_flow
from .config_keys import check_keys
from .config_schedule import check_schedule

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')


def check_config(config: Config) -> None:
    """Refuse a config whose parts do not fit together; sections that are absent are not looked at.

    Looked at are unknown keys, numbers of classes, schedule, optimizers, the size of the frames that the flow
    estimator gets, and what makes flow in the data workers. What needs data or weights is checked where these are read.

    Raises:
        ConfigError: In one sentence that starts with the path of the key.
    """
    check_keys(config)
    check_classes(config)
    check_schedule(config)
    check_flow(config)
    check_workers_flow(config)


def check_classes(config: Mapping[str, Any]) -> None:
    """Refuse heads, data sets and protocols that are about different numbers of classes.

    The discriminator is compared by the method, which knows how many channels it shows it.

    Raises:
        ConfigError: With the two keys that differ.
    """
    counts = [*_head_classes(config), *_data_classes(config), *_protocol_classes(config)]
    for path, count in counts[1:]:
        first, expected = counts[0]
        if count != expected:
            raise ConfigError(f'{path}: {count} classes, but {first} has {expected}')


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


def _head_classes(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    segmentor = (config.get('model') or {}).get('segmentor') or {}
    for name in ('decode_head', 'auxiliary_head'):
        heads = segmentor.get(name) or []
        for index, head in enumerate(heads if isinstance(heads, (list, tuple)) else [heads]):
            place = f'.{index}' if isinstance(heads, (list, tuple)) else ''
            if 'num_classes' in head:
                yield f'model.segmentor.{name}{place}.num_classes', head['num_classes']


def _data_classes(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for loader in LOADERS:
        yield from _classes_below(f'{loader}.dataset', (config.get(loader) or {}).get('dataset'))


def _classes_below(path: str, dataset: Any) -> Iterator[tuple[str, int]]:
    if not isinstance(dataset, Mapping):
        return
    for key in ('dataset', 'source', 'target'):
        yield from _classes_below(f'{path}.{key}', dataset.get(key))
    kind = DATASETS.get(dataset['type']) if isinstance(dataset.get('type'), str) else None
    if chosen := (dataset.get('metainfo') or {}).get('classes'):
        yield f'{path}.metainfo.classes', len(chosen)
    elif dataset.get('class_space') in CLASS_SPACES:
        yield f'{path}.class_space', len(CLASS_SPACES[dataset['class_space']][0]['classes'])
    elif classes := getattr(kind, 'METAINFO', {}).get('classes'):
        yield f'{path}.type', len(classes)


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
