"""What the weights of a checkpoint belong to: the network that is tested, or what a method has beside it."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

SEGMENTOR = 'segmentor.'
TRAINING_PARTS = ('proxy', 'discriminator', 'reference', 'thresholds', 'alignment')  # a test does not need them
PARTS = (*TRAINING_PARTS, 'bands')  # all that methods have beside their segmentor
NOT_STORED = ('flow_estimator', 'temporal', 'refinement')  # frozen, with weights from elsewhere
ADDED_PARTS = ('auxiliary_head.', 'sf_layer.')  # of a segmentor; one of a single level and frame has none of them


def of_one_process(key: str) -> str:
    """Take the wrappers of distributed training out of a name: around the model, or around its segmentor."""
    key = key.removeprefix('module.')
    return SEGMENTOR + key.removeprefix(f'{SEGMENTOR}module.') if key.startswith(f'{SEGMENTOR}module.') else key


def state_of(content: Any, source: str = 'the checkpoint') -> dict[str, Tensor]:
    """Give the weights of a checkpoint under the names of one process, whatever wrapped the model.

    Args:
        content: What the file holds: weights, bare or under 'state_dict'.
        source: Where it is from, for the message.

    Raises:
        ValueError: If it holds no weights.

    Example:
        >>> from torch import zeros
        >>> list(state_of({'state_dict': {'module.segmentor.module.conv.bias': zeros(1)}}))
        ['segmentor.conv.bias']
    """
    state = content.get('state_dict', content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not any(isinstance(value, Tensor) for value in state.values()):
        found = ', '.join(map(str, content)) if isinstance(content, Mapping) else f'a {type(content).__name__}'
        raise ValueError(f'{source} holds no weights, bare or under state_dict; it has {found or "nothing"}')
    return {of_one_process(str(key)): value for key, value in state.items()}


def is_of_method(state: Mapping[str, Tensor]) -> bool:
    """Whether the weights are of a method, and not of a plain network."""
    return any(key.startswith(SEGMENTOR) for key in state)


def part_of(key: str) -> str:
    """Name the part of a method that a weight belongs to.

    Example:
        >>> part_of('segmentor.backbone.conv.bias'), part_of('thresholds')
        ('segmentor', 'thresholds')
    """
    return key.partition('.')[0]


def segmentor_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the segmentor's weights under its own names, from those of a method or of a plain network.

    Args:
        state: As ``state_of`` gives them.

    Example:
        >>> from torch import zeros
        >>> method = {'segmentor.conv.bias': zeros(1), 'proxy.conv.bias': zeros(1)}
        >>> list(segmentor_weights(method)), list(segmentor_weights({'conv.bias': zeros(1)}))
        (['conv.bias'], ['conv.bias'])
    """
    if is_of_method(state):
        return {key.removeprefix(SEGMENTOR): value for key, value in state.items() if key.startswith(SEGMENTOR)}
    others = (*PARTS, *NOT_STORED, 'data_preprocessor')
    return {key: value for key, value in state.items() if part_of(key) not in others}
