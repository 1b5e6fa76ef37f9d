"""Weights of a network of other classes: all but the classifier, and of that the rows of classes of the same name."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from i2vda_mmseg.models.segmentors.checkpoint_parts import ADDED_PARTS, segmentor_weights, state_of

_HEADS = ('decode_head', 'auxiliary_head', 'attention_head', 'classifier')  # in the names of what has a row a class
_QUERIES = ('cls_embed', 'class_predictor')  # of what has one more, for no class
_FUSION = 'sf_layer.weight'  # a row and two columns a class: those of the frame, then those of the one before


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
    state = segmentor_weights(state_of(checkpoint))
    named = ((checkpoint.get('meta') or {}).get('dataset_meta') or {}).get('classes') or ()
    before = [str(name) for name in named]
    places = _Places(len(classes), {classes.index(name): before.index(name) for name in before if name in classes})
    fitted, renewed = {}, []
    for key, value in own.items():
        if key not in state:
            if not key.endswith('num_batches_tracked') and not key.startswith(ADDED_PARTS):
                raise ValueError(f'the checkpoint has no {key}: it is of another network, which no new head mends')
            continue
        given = state[key]
        is_reordered = before not in ([], list(classes)) and places.are_in(key, value)
        if given.shape == value.shape and not is_reordered:
            fitted[key] = given
            continue
        if not places.suit(key, given, value):
            raise ValueError(
                f'{key} is {tuple(given.shape)} in the checkpoint and {tuple(value.shape)} in the model: they differ '
                'in more than the number of classes'
            )
        fitted[key] = places.moved(key, given, initial[key])
        renewed.append(key)
    return Fitted(fitted, tuple(renewed), tuple(name for name in classes if name in before))


class _Places(NamedTuple):
    """Where classes are in the weights of a model, and where the same ones are in those of a checkpoint."""

    number: int  # of the model's classes
    rows: dict[int, int]  # the model's to the checkpoint's

    def are_in(self, key: str, value: Tensor) -> bool:
        """Whether a weight of the model may have a row a class."""
        parts = key.split('.')
        rows = self.number + any(part in _QUERIES for part in parts)
        is_head = key == _FUSION or any(part in (*_HEADS, *_QUERIES) for part in parts)
        return is_head and value.ndim > 0 and len(value) == rows

    def suit(self, key: str, given: Tensor, value: Tensor) -> bool:
        """Whether two weights differ in the number of classes at most."""
        if key == _FUSION:
            return given.shape[1] == 2 * len(given) and given.shape[2:] == value.shape[2:]
        has_rows = self.are_in(key, value) or value.shape[:1] == (self.number,)
        return has_rows and given.shape[1:] == value.shape[1:]

    def moved(self, key: str, given: Tensor, initial: Tensor) -> Tensor:
        """Give initial weights, in which classes that both name have the given ones."""
        fitted, rows = initial.clone(), {to: row for to, row in self.rows.items() if row < len(given)}
        if key == _FUSION:
            columns = {to + b * self.number: row + b * len(given) for to, row in rows.items() for b in (0, 1)}
            for to, row in rows.items():
                fitted[to, list(columns)] = given[row, list(columns.values())]
            return fitted
        if len(fitted) > self.number and len(given) > 1:
            rows[self.number] = len(given) - 1  # of no class
        for to, row in rows.items():
            fitted[to] = given[row]
        return fitted
