"""Config mistakes, found before anything is built."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import accumulate
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmseg.registry import DATASETS
from torch import nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.evaluation.protocols import PROTOCOLS
from i2vda_mmseg.models.statistics import check_batch_of_one
from i2vda_mmseg.models.wrappers import unwrapped

from .config_flow import check_flow
from .config_keys import arguments_of, check_keys, dicts_below
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
    if (config.get('model_wrapper_cfg') or {}).get('static_graph'):
        raise ConfigError(
            'model_wrapper_cfg.static_graph: PyTorch takes a step of several forward passes for several steps, and '
            'fails; leave it out'
        )


def check_model(model: Any, config: Mapping[str, Any]) -> None:
    """Refuse a model whose classes are not those of the data, and optimizer settings of weights that it has not.

    The discriminator is compared by the method, which knows how many channels it shows it. Data sets are built without
    being read.

    Raises:
        ConfigError: With the two keys that differ, or the key that matches no weight.
    """
    counts = [*_head_classes(model), *_data_classes(config), *_protocol_classes(config)]
    for path, count in counts[1:]:
        first, expected = counts[0]
        if count != expected:
            raise ConfigError(f'{path}: {count} classes, but {first} has {expected}; change one of the two')
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    if dataset.get('rare_patches') is not None and not getattr(unwrapped(model), 'takes_patches', False):
        raise ConfigError(
            f'train_dataloader.dataset.rare_patches: {type(unwrapped(model)).__name__} pastes no patches; leave it out'
        )
    for path, network, wrapper in _optimized(unwrapped(model), config.get('optim_wrapper') or {}):
        names = [name for name, _ in network.named_parameters()]
        for key in (wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}:
            is_optional = hasattr(network, f'with_{key}')  # a part that mmseg's segmentors may have: auxiliary_head
            if not is_optional and not any(key in name for name in names):
                words = [name.split('.') for name in names]
                parts = {part for each in words for part in (*each, *accumulate(each, '{}.{}'.format))}
                near = get_close_matches(key, sorted(parts), 3)
                hint = f'did you mean {" or ".join(near)}?' if near else f'its weights are like {names[0]}'
                raise ConfigError(f'{path}.paramwise_cfg.custom_keys.{key}: no weight of the network has it; {hint}')


def check_batch(model: Any, config: Mapping[str, Any]) -> None:
    """Refuse batches of one image for networks that need two, before the first iteration.

    Raises:
        ConfigError: With what helps.
    """
    network = getattr(unwrapped(model), 'segmentor', None)
    batch_size = (config.get('train_dataloader') or {}).get('batch_size')
    if network is not None and batch_size == 1 and get_world_size() == 1:  # several ranks may share their statistics
        check_batch_of_one(unwrapped(network))


def _optimized(model: Any, wrapper: Mapping[str, Any]) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    if 'optimizer' in wrapper:
        yield 'optim_wrapper', model, wrapper
    for name, child in model.named_children():
        if isinstance(wrapper.get(name), Mapping):
            yield f'optim_wrapper.{name}', child, wrapper[name]


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
    """Build each data set without reading it, and count its classes.

    Those of a target count only where the config names them: it trains without its labels.
    """
    for loader in LOADERS:
        for path, dataset in dicts_below((config.get(loader) or {}).get('dataset'), f'{loader}.dataset'):
            kind = dataset.get('type')
            takes = arguments_of(DATASETS.get(kind) if isinstance(kind, str) else kind)[0]
            key = next((key for key in ('metainfo', 'class_space') if dataset.get(key)), 'type')
            is_wrapper = not {'lazy_init', 'pipeline'} <= takes or 'dataset' in dataset
            if is_wrapper or ('.target.' in f'{path}.' and key == 'type'):
                continue
            classes = DATASETS.build(dict(dataset, lazy_init=True, pipeline=[])).metainfo.get('classes')
            if classes is not None:
                yield f'{path}.{key}{".classes" if key == "metainfo" else ""}', len(classes)


def _protocol_classes(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for section in EVALUATORS:
        for path, evaluator in dicts_below(config.get(section), section):
            if evaluator.get('protocol') in PROTOCOLS:
                yield f'{path}.protocol', PROTOCOLS[evaluator['protocol']].trained
