"""Weights of a network of other classes: all but the classifier, and of that the rows of classes of the same name."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

_PARTS = ('segmentor.', 'module.segmentor.')
_HEADS, _ADDED = ('decode_head.', 'auxiliary_head.'), ('auxiliary_head.', 'sf_layer.')
_OTHERS = ('proxy.', 'discriminator.', 'data_preprocessor.')


class Fitted(NamedTuple):
    """Weights that fit.

    Attributes:
        state: Weights of the segmentor, under its own names.
        renewed: Names of the weights whose rows are those of classes, of which some or all start afresh.
        kept: Names of the classes whose rows were taken.
    """

    state: dict[str, Tensor]
    renewed: tuple[str, ...]
    kept: tuple[str, ...]


def fit_to_classes(
    checkpoint: Mapping[str, Any], own: Mapping[str, Tensor], classes: Sequence[str], initial: Mapping[str, Tensor]
) -> Fitted:
    """Bring the weights of a checkpoint to a segmentor of other classes.

    Args:
        checkpoint: What a checkpoint of a method, or of a stock segmentor, holds.
        own: State of the segmentor, which says names and shapes.
        classes: Names of its classes, in order.
        initial: Its initial weights, which rows without a counterpart keep; usually ``own``.

    Returns:
        The weights; those with another number of rows than the checkpoint's take the rows of classes that both name, if
        the checkpoint names its classes (``meta.dataset_meta.classes``).

    Raises:
        ValueError: If a weight is absent, or differs in more than its number of rows.
    """
    state = _segmentor_of(checkpoint.get('state_dict', checkpoint))
    before = [str(name) for name in (checkpoint.get('meta') or {}).get('dataset_meta', {}).get('classes', ())]
    rows = {classes.index(name): before.index(name) for name in before if name in classes}
    fitted, renewed = {}, []
    for key, value in own.items():
        if key not in state:
            if not key.endswith('num_batches_tracked') and not key.startswith(_ADDED):
                raise ValueError(f'the checkpoint has no {key}: it is of another network, which no new head mends')
            continue
        given = state[key]
        is_reordered = before not in ([], list(classes)) and _has_rows(key, value, len(classes))
        if given.shape == value.shape and not is_reordered:
            fitted[key] = given
            continue
        if given.shape[1:] != value.shape[1:] or value.shape[:1] != (len(classes),):
            raise ValueError(
                f'{key} is {tuple(given.shape)} in the checkpoint and {tuple(value.shape)} in the model: they differ '
                'in more than the number of classes'
            )
        fitted[key] = initial[key].clone()
        for to, source in rows.items():
            if source < len(given):
                fitted[key][to] = given[source]
        renewed.append(key)
    return Fitted(fitted, tuple(renewed), tuple(name for name in classes if name in before))


def _has_rows(key: str, value: Tensor, count: int) -> bool:
    """Whether a weight of a head may have a row a class."""
    return key.startswith(_HEADS) and value.ndim > 0 and len(value) == count


def _segmentor_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The segmentor's weights under plain names, whatever they are stored as."""
    for part in _PARTS:
        if any(key.startswith(part) for key in state):
            return {key.removeprefix(part): value for key, value in state.items() if key.startswith(part)}
    return {key: value for key, value in state.items() if not key.startswith(_OTHERS)}
