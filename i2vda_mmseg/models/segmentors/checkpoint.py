"""The keys of a checkpoint: the same from one process or many, and from a plain segmentor or a method."""

from collections.abc import Callable
from typing import Any
from urllib.error import URLError

from mmengine.model import is_model_wrapper
from torch import Tensor, nn

_NOT_STORED = 'flow_estimator'
# What a single-level, single-frame segmentor does not have, and what may start fresh on top of one.
_ADDED_PARTS = ('segmentor.auxiliary_head.', 'segmentor.sf_layer.')


class CheckpointMixin(nn.Module):
    """Keep checkpoints of methods alike.

    ``state_dict`` says ``segmentor.*`` whether or not the segmentor is wrapped for DDP, and leaves ``flow_estimator.*``
    out. Loading takes such a checkpoint, one of another method, or one of a plain ``EncoderDecoder``; a proxy that the
    checkpoint does not hold starts as the segmentor's copy.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_load_state_dict_post_hook(_forgive_flow_estimator)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Give the weights without wrappers' prefixes and without the flow estimator's."""
        state = super().state_dict(*args, **kwargs)
        prefix = kwargs.get('prefix', '')
        wrapped = [name for name, child in self.named_children() if is_model_wrapper(child)]
        for table in (state, getattr(state, '_metadata', {})):
            _rewrite_keys(table, prefix, wrapped)
        return state

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        _prefix_plain_segmentor(state_dict, prefix, set(self._modules))
        if 'proxy' in self._modules:
            _start_proxy_from_segmentor(state_dict, prefix)
        _check_fit(state_dict, {prefix + key: value for key, value in self.state_dict().items()}, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)


def load_initial_weights(init_weights: Callable[[], None]) -> None:
    """Run mmengine's ``init_weights``, turning a failed download into advice.

    Raises:
        RuntimeError: If weights named by an ``init_cfg`` cannot be fetched.
    """
    try:
        init_weights()
    except (URLError, ConnectionError, TimeoutError) as error:
        raise RuntimeError(
            f'the initial weights named by an init_cfg of the config could not be downloaded ({error}). Download '
            'them where there is a network and pass --cfg-options '
            'model.segmentor.backbone.init_cfg.checkpoint=FILE, or start from random weights with --cfg-options '
            'model.segmentor.backbone.init_cfg=None'
        ) from error


def _rewrite_keys(table: dict[str, Any], prefix: str, wrapped: list[str]) -> None:
    """Strip ``.module`` of wrapped children and drop the flow estimator, keeping the order of the keys."""
    for key in list(table):
        value = table.pop(key)
        if key.startswith(prefix):
            child, dot, rest = key.removeprefix(prefix).partition('.')
            if child == _NOT_STORED:
                continue
            if child in wrapped:
                rest = rest.removeprefix('module').removeprefix('.')
                dot = '.' if rest else ''
            key = f'{prefix}{child}{dot}{rest}'  # noqa: PLW2901
        table[key] = value


def _prefix_plain_segmentor(state_dict: dict[str, Tensor], prefix: str, children: set[str]) -> None:
    """Read the keys of a plain ``EncoderDecoder`` (``backbone.*``...) as ``segmentor.*``."""
    if any(key.startswith(f'{prefix}segmentor.') for key in state_dict):
        return
    for key in list(state_dict):
        inner = key.removeprefix(prefix)
        if inner.partition('.')[0] not in children:
            state_dict[f'{prefix}segmentor.{inner}'] = state_dict.pop(key)


def _start_proxy_from_segmentor(state_dict: dict[str, Tensor], prefix: str) -> None:
    if any(key.startswith(f'{prefix}proxy.') for key in state_dict):
        return
    segmentor = f'{prefix}segmentor.'
    for key in list(state_dict):
        if key.startswith(segmentor):
            state_dict[f'{prefix}proxy.{key.removeprefix(segmentor)}'] = state_dict[key]


def _check_fit(state_dict: dict[str, Tensor], own: dict[str, Tensor], prefix: str) -> None:
    """Refuse a checkpoint that would leave the segmentor at random weights with no more than a log line."""
    added = tuple(prefix + part for part in _ADDED_PARTS)
    segmentor = [
        key
        for key in own
        if key.startswith(f'{prefix}segmentor.') and not key.startswith(added) and 'num_batches_tracked' not in key
    ]
    missing = [key for key in segmentor if key not in state_dict]
    if missing:
        raise ValueError(
            f'the checkpoint lacks {len(missing)} of the {len(segmentor)} weights of the segmentor, such as '
            f'{missing[0]!r}; it holds keys like {next(iter(state_dict), None)!r}. It must be of a method of this '
            'project or of an EncoderDecoder like model.segmentor; weights of a backbone alone go into its init_cfg'
        )
    for key, value in own.items():
        if key in state_dict and state_dict[key].shape != value.shape:
            raise ValueError(
                f'the checkpoint does not fit the config: {key} is {tuple(state_dict[key].shape)} in the file and '
                f'{tuple(value.shape)} in the model; check num_classes and the networks of the config'
            )


def _forgive_flow_estimator(module: nn.Module, incompatible_keys: Any) -> None:
    missing = incompatible_keys.missing_keys
    missing[:] = [key for key in missing if not key.removeprefix('module.').startswith(f'{_NOT_STORED}.')]
