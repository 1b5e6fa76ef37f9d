"""Flow in the data workers: made by the model's estimator where that suits them, and as the model says."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import MODELS, TRANSFORMS

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.flow import FlowCache
from i2vda_mmseg.flow.fingerprint import describe_estimator, fingerprint
from i2vda_mmseg.flow.models import padding_of

from .config_keys import dicts_below, scale_of

FLOW_STEPS = ('EstimateFlow', 'LoadFlow')


def suits_workers(estimator: Mapping[str, Any]) -> bool:
    """Say whether data workers can run a ``FlowEstimator`` of this config: on the CPU, in one thread."""
    online = estimator.get('online')
    return MODELS.get(estimator['type']).in_workers and (online is None or suits_workers(online))


def complete_workers_flow(config: Config) -> None:
    """Let each ``EstimateFlow`` of the training data that names no estimator use that of the model.

    Where that is one for the model's device, such as ``MMFlow``, the step does nothing, and the model makes flow.

    Args:
        config: Changed in place.

    Raises:
        ConfigError: If parts of the model have estimators that differ, see ``training_estimator``.
    """
    steps = [step for _, step in _steps(config) if step['type'] == 'EstimateFlow' and step.get('estimator') is None]
    estimator = training_estimator(config) if steps else None
    if estimator is not None and suits_workers(estimator):
        for step in steps:
            step['estimator'] = estimator


def check_flow(config: Mapping[str, Any]) -> None:
    """Refuse a flow cache of another size than the target frames, and steps that do not make the model's flow.

    Frames that an estimator pads for the most part are warned of.

    Raises:
        ConfigError: With the key of the cache, or both keys that differ.
    """
    _check_workers_flow(config)
    size = _target_size(config)
    if size is None:
        return
    for key, part in flow_users(config):
        _check_size(f'{key}.flow_estimator', part['flow_estimator'], size)


def _check_size(path: str, estimator: Mapping[str, Any], size: tuple[int, int]) -> None:
    smallest = _smallest(estimator)
    if min(size) < smallest:
        print_log(
            f'{path}: {estimator.get("type")} works on at least {smallest}x{smallest} pixels, and the target frames '
            f'are {size[0]}x{size[1]} (H x W): most of what it sees is padding',
            logger='current',
            level=30,
        )
    if estimator.get('type') == 'CachedFlow':
        try:
            FlowCache(estimator['root']).require(size=size)
        except (ValueError, FileNotFoundError) as error:
            raise ConfigError(f'{path}.root: {error}') from error


def flow_users(config: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Give all parts of the training's model that look at flow, each a dict with ``flow_estimator``, with their keys.

    That is ``model`` itself for I2VDA and the methods of two frames, ``model.temporal`` and ``model.refinement``.
    """
    parts = dicts_below(config.get('model'), 'model')
    return [(key, part) for key, part in parts if isinstance(part.get('flow_estimator'), Mapping)]


def training_estimator(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the config of the one ``FlowEstimator`` of all ``flow_users``, or None where nothing looks at flow.

    Raises:
        ConfigError: If two of them have estimators that make different flow.
    """
    users = [(f'{key}.flow_estimator', part['flow_estimator']) for key, part in flow_users(config)]
    for key, estimator in users[1:]:
        first_key, first = users[0]
        if estimator != first and describe_estimator(estimator) != describe_estimator(first):
            raise ConfigError(
                f'{key}: is {dict(estimator)}, and {first_key} is {dict(first)}: flow that is made once serves both; '
                'set both alike, or make no flow outside of the model'
            )
    return users[0][1] if users else None


class ValidityMask(NamedTuple):
    """How a training tells occluded pixels: ``eta`` and ``frame`` of ``ops.consistency_mask``.

    With ``only_inside``, pixels whose counterpart lies outside of the frame are invalid as well.
    """

    eta: float = 1.0
    frame: str = '1'
    only_inside: bool = False


def validity_mask(config: Mapping[str, Any]) -> ValidityMask:
    """Give the settings of the first part of the model that has a validity mask, or the defaults."""
    for _, part in dicts_below(config.get('model'), 'model'):
        if part.get('type') == 'PseudoLabelRefinement':
            return ValidityMask(part.get('eta', 1.0), only_inside=True)
        if head := part.get('pseudo_label_head'):
            return ValidityMask(head.get('eta', 1.0), head.get('frame', '1'))
    return ValidityMask()


def flow_of_step(step: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Config of the ``FlowEstimator`` that a step of a pipeline names, or None."""
    if step['type'] == 'LoadFlow':
        return dict(type='CachedFlow', root=step['root'], online=step.get('online'))
    return step.get('estimator') if step['type'] == 'EstimateFlow' else None


def _check_workers_flow(config: Mapping[str, Any]) -> None:
    """Refuse steps that make flow, or I_t, otherwise than the model's settings say, which would have no effect."""
    users = flow_users(config)
    steps = list(_steps(config))
    makes_flow = any(flow_of_step(step) is not None for _, step in steps)
    if any(step['type'] == 'EstimateFlow' and step.get('estimator') is None for _, step in steps):
        estimator = training_estimator(config)
        makes_flow = makes_flow or (estimator is not None and suits_workers(estimator))
    for path, step in steps:
        made = flow_of_step(step)
        for key, part in users:
            if made is not None and not _same_flow(path, made, part['flow_estimator']):
                raise ConfigError(
                    f'{path}: makes flow with {dict(made)} in the data workers, but {key}.flow_estimator is '
                    f'{dict(part["flow_estimator"])}: set both, or leave the estimator of the step out'
                )
            if step['type'] == 'TemporalAugmentation' and 'temporal_augmentation' in part:
                _check_augmentation(path, step, key, part, makes_flow)


def _check_augmentation(
    path: str, step: Mapping[str, Any], owner: str, settings: Mapping[str, Any], makes_flow: bool
) -> None:
    if not makes_flow:
        raise ConfigError(
            f'{path}: TemporalAugmentation needs flow from the data workers, but {owner}.flow_estimator runs on the '
            "model's device, or no EstimateFlow comes before it; take it out of the pipeline, and the model makes I_t"
        )
    workers, model = (cfg and TRANSFORMS.build(cfg) for cfg in (step, settings['temporal_augmentation']))
    if repr(workers) != repr(model):
        raise ConfigError(
            f'{path}: makes I_t with {workers} in the data workers, but {owner}.temporal_augmentation is {model}: set '
            'both, or take the step out of the pipeline'
        )


def _same_flow(path: str, made: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether the workers use the model's estimator, or a cache that it made."""
    if made['type'] != 'CachedFlow':
        return describe_estimator(made) == describe_estimator(asked)
    if asked['type'] == 'CachedFlow':
        return made['root'] == asked['root']  # what it lacks is of the estimator that made it, or refused
    if made.get('online'):
        return describe_estimator(made['online']) == describe_estimator(asked)
    try:
        return FlowCache(made['root']).fingerprint == fingerprint(describe_estimator(asked))
    except (ValueError, FileNotFoundError) as error:
        raise ConfigError(f'{path}.root: {error}') from error


def _target_size(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """Give (H, W) of the target frames as their pipeline leaves them, or None where the config does not tell."""
    size = None
    for path, step in _steps(config):
        if '.target.' in path and not step.get('keep_ratio') and (scale := scale_of(step)):
            size = scale[::-1]
        elif '.target.' in path and isinstance(step.get('crop_size'), (list, tuple)):
            size = tuple(step['crop_size'])
    return size


def _smallest(estimator: Mapping[str, Any]) -> int:
    if estimator.get('min_size'):
        return estimator['min_size']
    if estimator.get('type') == 'MMFlow':
        model = estimator.get('model')
        return padding_of(str(model.get('type') if isinstance(model, Mapping) else model))[1]
    return getattr(MODELS.get(str(estimator.get('type'))), 'SMALLEST', 1)


def _steps(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Walk over the steps of the training pipelines, also of data sets joined in one, with their paths."""
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    for domain in ('source', 'target'):
        steps = dicts_below(dataset.get(domain), f'train_dataloader.dataset.{domain}')
        yield from ((path, step) for path, step in steps if isinstance(step.get('type'), str))
