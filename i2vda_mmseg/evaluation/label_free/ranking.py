"""From several criteria to one order of checkpoints, and the guard against networks that have collapsed."""

import math
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

CRITERIA = {
    'soft_neighborhood_density': 'SND',
    'information_maximization': 'IM',
    'batch_nuclear_norm': 'BNM',
    'negative_entropy': '-entropy',
    'mixval_intra': 'MixVal intra',
    'mixval_inter': 'MixVal inter',
    'flip_agreement': 'flip',
    'temporal_consistency': 'TC',
    'teacher_agreement': 'teacher',
}
# Provisional: fixed before any was compared with labels, see docs/selection.md.
DEFAULT_CRITERIA = (
    'soft_neighborhood_density',
    'information_maximization',
    'mixval_intra',
    'mixval_inter',
    'flip_agreement',
    'temporal_consistency',
)
LARGEST_SHARE = 0.95
FEWEST_CLASSES = 1.5
LEAST_VARIETY = 1 / 3

Figures = Mapping[str, float | None]


def collapse_reason(
    shares: Tensor, classes: Sequence[str], source_shares: Tensor | None = None, is_constant: bool = False
) -> str | None:
    """Tell why predictions are of a network that has collapsed, or None.

    Label-free criteria cannot tell such a network: one class everywhere is consistent in time (TC 1), dense, and sure
    of itself. With the effective number of classes ``n = exp(H(shares))``, a network has collapsed if one class takes
    more than 95 % of the pixels, ``n`` is below 1.5, ``n`` is less than a third of that of the source's labels, or all
    frames get the same label map. It is a guard and no criterion: the target may well have other shares.

    Args:
        shares: (C,), pixels predicted of each class, as counts or shares.
        classes: Their names.
        source_shares: (C,), the same of the source's labels, if known.
        is_constant: Whether different frames all got the same label map.

    Raises:
        ValueError: If the lengths differ, or nothing is predicted.

    Example:
        >>> collapse_reason(torch.tensor([0, 990, 10]), ('sky', 'road', 'car'), torch.tensor([30, 40, 30]))
        "one class almost everywhere: 'road' for 99.0 % of the pixels (40.0 % of the source's)"
        >>> collapse_reason(torch.tensor([20, 50, 30]), ('sky', 'road', 'car'))
    """
    if not len(shares) == len(classes) == len(shares if source_shares is None else source_shares):
        raise ValueError(f'expected the shares of {len(classes)} classes, got {len(shares)}')
    if not float(shares.sum()) > 0:
        raise ValueError('the guard against collapse needs predictions, but no pixel has a class')
    predicted = shares.double() / shares.sum()
    top, variety = int(predicted.argmax()), effective_classes(shares)
    if predicted[top] > LARGEST_SHARE:
        known = '' if source_shares is None else f" ({_percent(source_shares, top)} of the source's)"
        return f'one class almost everywhere: {classes[top]!r} for {_percent(predicted, top)} of the pixels{known}'
    if variety < FEWEST_CLASSES:
        return f'{variety:.2f} effective classes, led by {classes[top]!r} with {_percent(predicted, top)} of the pixels'
    if source_shares is not None and variety < LEAST_VARIETY * (wanted := effective_classes(source_shares)):
        return f"{variety:.2f} effective classes, less than a third of the {wanted:.2f} of the source's labels"
    return 'the same label map for all frames, which differ' if is_constant else None


def effective_classes(shares: Tensor) -> float:
    """Number of classes that equal shares of the same entropy would have: ``exp(-sum_c s_c log s_c)``.

    Example:
        >>> effective_classes(torch.tensor([5, 5, 0])), effective_classes(torch.tensor([7, 0, 0]))
        (2.0, 1.0)
    """
    return math.exp(float(torch.special.entr(shares.double() / shares.sum()).sum()))


def class_shift(shares: Tensor, source_shares: Tensor) -> float:
    """Total variation between the classes predicted and those of the source: half the sum of the differences, in 0..1.

    Example:
        >>> class_shift(torch.tensor([1, 0]), torch.tensor([3, 1]))
        0.25
    """
    return float((shares.double() / shares.sum() - source_shares.double() / source_shares.sum()).abs().sum()) / 2


def ranks(values: Sequence[float | None]) -> list[float | None]:
    """Rank values, 1 for the largest; equal ones share the mean of their ranks. None and NaN have no rank.

    Example:
        >>> ranks([0.2, 0.9, None, 0.2])
        [2.5, 1.0, None, 2.5]
    """
    known = [value for value in values if value is not None and not math.isnan(value)]
    return [
        sum(other > value for other in known) + (known.count(value) + 1) / 2 if value in known else None
        for value in values
    ]


def rank_averages(
    rows: Sequence[Figures], criteria: Collection[str], excluded: Collection[int] = ()
) -> list[float | None]:
    """Average each row's ranks by the criteria that are known of all rows, so that all are compared by the same.

    Args:
        rows: Figures by criterion, one row a checkpoint; higher is better in each.
        criteria: Which ones count, each as much as the others.
        excluded: Positions of rows that take no part, as collapsed ones; they have no rank.

    Raises:
        ValueError: If rows take part and no criterion is known of all of them.

    Example:
        >>> rank_averages([{'a': 1, 'b': 5}, {'a': 2, 'b': 4}, {'a': 3, 'b': 9}], ['a', 'b'])
        [2.5, 2.5, 1.0]
    """
    part = [i for i in range(len(rows)) if i not in excluded]
    averages: list[float | None] = [None] * len(rows)
    shared = shared_criteria([rows[i] for i in part], criteria)
    columns = [ranks([rows[i].get(name) for i in part]) for name in shared]
    for i, own in zip(part, zip(*columns)):
        averages[i] = sum(own) / len(own)
    return averages


def shared_criteria(rows: Sequence[Figures], criteria: Collection[str]) -> list[str]:
    """Those criteria that are known of all rows; ValueError if there are rows, and no such criterion."""
    shared = [name for name in criteria if not any(_is_unknown(row.get(name)) for row in rows)]
    if rows and not shared:
        raise ValueError(f'none of the criteria {", ".join(criteria)} is known of all of the checkpoints')
    return shared


def order(averages: Sequence[float | None]) -> list[int]:
    """Positions from best to worst, without those that have no rank; of equal ones, the later is better.

    Example:
        >>> order([2.0, 1.5, None, 1.5])
        [3, 1, 0]
    """
    return sorted((i for i, value in enumerate(averages) if value is not None), key=lambda i: (averages[i], -i))


def _is_unknown(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _percent(shares: Tensor, index: int) -> str:
    return f'{100 * float(shares[index] / shares.sum()):.1f} %'
