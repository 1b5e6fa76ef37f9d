"""The keys of a checkpoint: the same from one process or many, and from a plain segmentor or a method."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError

from .checkpoint_parts import ADDED_PARTS, NOT_STORED, PARTS, SEGMENTOR, of_one_process, part_of

_ADVICE = (
    'It must be of a method of this project or of an EncoderDecoder like model.segmentor (check num_classes and the '
    'networks of the config); one of other classes is loaded with tools/train.py --new-head, and weights of a backbone '
    'alone go into its init_cfg'
)
_ADDED = tuple(SEGMENTOR + part for part in ADDED_PARTS)  # what may start afresh on top of a simpler segmentor
STOCK_ADVICE = (
    'mmseg.apis.init_model and MMSegInferencer take stock segmentors: give them the config and the checkpoint that '
    'tools/export.py CHECKPOINT OUT --config CONFIG writes'
)


class CheckpointMixin(nn.Module):
    """Keep checkpoints of methods alike.

    ``state_dict`` says ``segmentor.*`` whether or not the segmentor is wrapped for DDP, and leaves the flow
    estimator (also that of ``temporal`` and ``refinement``) out. Loading takes such a checkpoint, one of another
    method, or one of a plain ``EncoderDecoder``; a proxy that the checkpoint does not hold starts as the
    segmentor's copy, and a discriminator afresh, also where loading is strict. Stock inference is told to take an
    exported checkpoint.

    Attributes:
        was_loaded: Whether the weights are those of a checkpoint.
    """

    was_loaded: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_load_state_dict_post_hook(_forgive_absent_parts)

    @property
    def cfg(self) -> None:
        """Nothing: where stock inference would leave its config, which it is refused with advice."""

    @cfg.setter
    def cfg(self, value: Any) -> None:
        """Refuse."""
        raise ConfigError(f'model.type: {type(self).__name__} is no stock segmentor. {STOCK_ADVICE}')

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
        _drop_foreign_parts(state_dict, prefix, {*self._modules, *self._buffers, *self._parameters})
        own = {prefix + key: value for key, value in self.state_dict().items()}
        segmentor = {key: value for key, value in own.items() if key.startswith(prefix + SEGMENTOR)}
        check_fit(segmentor, state_dict, advice=_ADVICE, spare=tuple(prefix + part for part in _ADDED))
        check_fit(own, state_dict, spare=('',))
        self.was_loaded = True
        super()._load_from_state_dict(state_dict, prefix, *args)


def _rewrite_keys(table: dict[str, Any], prefix: str, wrapped: list[str]) -> None:
    """Strip ``.module`` of wrapped children and drop the flow estimator, keeping the order of the keys."""
    for key in list(table):
        value = table.pop(key)
        if key.startswith(prefix):
            child, dot, rest = key.removeprefix(prefix).partition('.')
            if child in NOT_STORED:
                continue
            if child in wrapped:
                rest = rest.removeprefix('module').removeprefix('.')
                dot = '.' if rest else ''
            key = f'{prefix}{child}{dot}{rest}'  # noqa: PLW2901
        table[key] = value


def _prefix_plain_segmentor(state_dict: dict[str, Tensor], prefix: str, children: set[str]) -> None:
    """Read the keys of a plain ``EncoderDecoder`` (``backbone.*``...) as ``segmentor.*``."""
    if any(key.startswith(prefix + SEGMENTOR) for key in state_dict):
        return
    for key in list(state_dict):
        inner = key.removeprefix(prefix)
        if part_of(inner) not in children:
            state_dict[prefix + SEGMENTOR + inner] = state_dict.pop(key)


def _start_proxy_from_segmentor(state_dict: dict[str, Tensor], prefix: str) -> None:
    if any(key.startswith(f'{prefix}proxy.') for key in state_dict):
        return
    segmentor = prefix + SEGMENTOR
    for key in list(state_dict):
        if key.startswith(segmentor):
            state_dict[f'{prefix}proxy.{key.removeprefix(segmentor)}'] = state_dict[key]


def check_fit(
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    source: str = 'the checkpoint',
    advice: str = 'check num_classes and the networks of the config',
    spare: tuple[str, ...] = (),
) -> None:
    """Refuse weights that would leave a network at random values with no more than a log line.

    Args:
        own: State of the network.
        state: The weights, under the names of the network.
        source: Where they are from, for the message.
        advice: What to do, a sentence without its full stop.
        spare: Beginnings of names that may be absent.

    Raises:
        ValueError: If a weight is absent or of another shape; names and counts are in the message.
    """
    needed = [key for key in own if not key.startswith(spare) and not key.endswith('num_batches_tracked')]
    missing = [key for key in needed if key not in state]
    if missing:
        raise ValueError(
            f'{source} does not fit the config: it lacks {len(missing)} of the {len(needed)} weights of the network, '
            f'such as {", ".join(map(repr, missing[:3]))}; it holds keys like {next(iter(state), None)!r}. {advice}'
        )
    for key, value in own.items():
        if key in state and state[key].shape != value.shape:
            raise ValueError(
                f'{source} does not fit the config: {key} is {tuple(state[key].shape)} in the file and '
                f'{tuple(value.shape)} in the model. {advice}'
            )


def _drop_foreign_parts(state_dict: dict[str, Tensor], prefix: str, own: set[str]) -> None:
    """Leave out what another method has beside its segmentor, such as a discriminator."""
    parts = {key: part_of(key.removeprefix(prefix)) for key in state_dict if key.startswith(prefix)}
    foreign = {key: part for key, part in parts.items() if part in PARTS and part not in own}
    for key in foreign:
        del state_dict[key]
    if foreign:
        print_log(f'not used of the checkpoint: {", ".join(sorted(set(foreign.values())))}', logger='current')


def _forgive_absent_parts(module: nn.Module, incompatible_keys: Any) -> None:
    """Let what the checkpoint has nothing of start afresh, with a word; the flow estimator is in none."""
    missing = incompatible_keys.missing_keys
    parts = {key: _finer_part(key) for key in missing}
    own, absent = Counter(map(_finer_part, module.state_dict())), Counter(parts.values())
    fresh = {part for part, count in own.items() if part != 'segmentor' and absent[part] >= count}
    missing[:] = [key for key in missing if parts[key] not in fresh | set(NOT_STORED)]
    if fresh:
        print_log(f'not in the checkpoint, starts afresh: {", ".join(sorted(fresh))}', logger='current')


def _finer_part(key: str) -> str:
    """Give the part of a method that a weight belongs to, or what a segmentor has in addition to a simpler one."""
    key = of_one_process(key)
    added = [part.rstrip('.') for part in _ADDED if key.startswith(part)]
    return added[0] if added else part_of(key)
