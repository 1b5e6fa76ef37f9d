"""What training data a method needs, and how they reach its device, filled in where a config does not say."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from .config_flow import flow_users
from .config_keys import dicts_below

_OF_PAIRS = {'EstimateFlow', 'LoadFlow', 'TemporalAugmentation'}
_OF_LAST_FRAMES = {'HistogramMatching', 'SpectrumTransfer'}  # what looks at the target's last frame alone


def complete_loading(config: Config) -> None:
    """Read one target frame for methods of single frames, and pin memory where there is a GPU.

    Args:
        config: Changed in place. What it says itself stays.
    """
    if not sees_pairs(config):
        for step in _frame_loading(config):
            step.setdefault('only_last', True)
    for name, loader in config.items():
        if name.endswith('_dataloader') and isinstance(loader, dict) and torch.cuda.is_available():
            loader.setdefault('pin_memory', True)


def sees_pairs(config: Mapping[str, Any]) -> bool:
    """Whether the method looks at more of the target than the last frame, or what looks at it is not known."""
    model = config.get('model') or {}
    kind = MODELS.get(str(model.get('type')))
    joint = (config.get('train_dataloader') or {}).get('dataset', {}).get('joint_pipeline') or []
    return (
        getattr(kind, 'sees_pairs', True)
        or bool(flow_users(config))
        or any(model.get(setting) is not None for setting in getattr(kind, 'pair_settings', ()))
        or any(step.get('type') not in _OF_LAST_FRAMES for step in joint)
    )


def _frame_loading(config: Mapping[str, Any]) -> Iterator[dict]:
    """The steps that load the frames of target samples, of all stages, where no step of theirs needs a pair."""
    target = ((config.get('train_dataloader') or {}).get('dataset') or {}).get('target') or {}
    for _, part in (*dicts_below(target, ''), *dicts_below(config.get('train_cfg') or {}, '')):
        pipeline = part.get('pipeline')
        types = {step.get('type') for step in pipeline} if isinstance(pipeline, list) else set()
        if not types & _OF_PAIRS:
            yield from (step for step in pipeline or () if step.get('type') == 'LoadFramePair')
