"""Flow in the data workers: made by the model's estimator where that suits them, and as the model says."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS, TRANSFORMS

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.flow.fingerprint import describe_estimator

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
    """
    estimator = (config.get('model') or {}).get('flow_estimator')
    if not estimator or not suits_workers(estimator):
        return
    for _, step in _steps(config):
        if step['type'] == 'EstimateFlow' and step.get('estimator') is None:
            step['estimator'] = estimator


def check_workers_flow(config: Mapping[str, Any]) -> None:
    """Refuse training pipelines that make flow, or I_t, otherwise than the model's settings say.

    The model takes what the samples bring, so that its own settings would have no effect.

    Raises:
        ConfigError: With both keys.
    """
    model = config.get('model') or {}
    estimator = model.get('flow_estimator')
    makes_flow = estimator is not None and suits_workers(estimator)
    for path, step in _steps(config):
        made = flow_of_step(step)
        makes_flow = makes_flow or made is not None
        if made is not None and estimator and not _same_flow(made, estimator):
            raise ConfigError(
                f'{path}: makes flow with {dict(made)} in the data workers, but model.flow_estimator is '
                f'{dict(estimator)}: set both, or leave the estimator of the step out'
            )
        if step['type'] == 'TemporalAugmentation' and 'temporal_augmentation' in model:
            _check_augmentation(path, step, model['temporal_augmentation'], makes_flow)


def flow_of_step(step: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Config of the ``FlowEstimator`` that a step of a pipeline names, or None."""
    if step['type'] == 'LoadFlow':
        return dict(type='CachedFlow', root=step['root'], online=step.get('online'))
    return step.get('estimator') if step['type'] == 'EstimateFlow' else None


def _check_augmentation(path: str, step: Mapping[str, Any], asked: Any, makes_flow: bool) -> None:
    if not makes_flow:
        raise ConfigError(
            f'{path}: TemporalAugmentation needs flow from the data workers, but model.flow_estimator runs on the '
            "model's device; take it out of the pipeline, and the model makes I_t"
        )
    workers, model = (cfg and TRANSFORMS.build(cfg) for cfg in (step, asked))
    if repr(workers) != repr(model):
        raise ConfigError(
            f'{path}: makes I_t with {workers} in the data workers, but model.temporal_augmentation is {model}: set '
            'both, or take the step out of the pipeline'
        )


def _same_flow(made: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether the workers use the model's estimator, or a cache that it made."""
    cache_of_it = dict(type='CachedFlow', root=made.get('root'), online=asked)
    return _described(made) in (_described(asked), _described(cache_of_it))


def _described(estimator: Mapping[str, Any]) -> dict[str, Any]:
    online = estimator.get('online')
    return describe_estimator({**estimator, 'online': describe_estimator(online)} if online else estimator)


def _steps(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    for domain in ('source', 'target'):
        for index, step in enumerate((dataset.get(domain) or {}).get('pipeline') or []):
            yield f'train_dataloader.dataset.{domain}.pipeline.{index}', step
