"""What temporal consistency refuses to count: a figure of it would look like any other."""

import torch
from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX

_NO_RANGE = (torch.uint16, torch.uint32, torch.uint64)  # torch finds no smallest and largest value of these


def checked_labels(labels: Tensor, num_classes: int) -> Tensor:
    """Give a label map in 8 bits, in which all that is legal fits.

    Args:
        labels: (H, W), whole numbers of any dtype: classes 0..C-1, or 255 for none.
        num_classes: C, 2 to 255.

    Returns:
        (H, W), uint8.

    Raises:
        ValueError: If a value is not whole, or neither a class nor 255.

    Example:
        >>> checked_labels(torch.tensor([[0, 14, 255]]), 15)
        tensor([[  0,  14, 255]], dtype=torch.uint8)
    """
    if labels.is_floating_point() and bool((labels != labels.floor()).any()):  # NaN is unlike itself
        found = float(labels[labels != labels.floor()][0])
        raise ValueError(_expected(num_classes, f'{found:g}, which is no whole number'))
    labels = labels.long() if labels.dtype in _NO_RANGE else labels
    if labels.numel():
        # One small transfer from the device; the other passes are made only where there is a 255, or a fault.
        low, high = torch.stack(labels.aminmax()).tolist()
        if low < 0 or high >= num_classes:
            _require_range(labels, num_classes)
    return labels.to(torch.uint8)


def require_finite(values: Tensor, what: str) -> None:
    """Refuse NaN and infinity.

    Args:
        values: Any shape, floating point.
        what: The name of the values, for the message.

    Raises:
        ValueError: If there is any.
    """
    # NaN and infinity are each the smallest or the largest: at a twentieth of the cost of a mask of all values.
    if values.numel() and not bool(torch.stack(values.aminmax()).isfinite().all()):
        share = 100 * float((~values.isfinite()).float().mean())
        raise ValueError(
            f'{what} must be finite, but {share:.3g} % of the values are NaN or infinite; a figure of them would mean '
            'nothing'
        )


def _require_range(labels: Tensor, num_classes: int) -> None:
    outside = (labels < 0) | ((labels >= num_classes) & (labels != IGNORE_INDEX))
    if bool(outside.any()):
        odd = labels[outside].unique().tolist()
        more = ', ...' if len(odd) > 5 else ''
        raise ValueError(_expected(num_classes, f'{", ".join(map(str, odd[:5]))}{more}'))


def _expected(num_classes: int, found: str) -> str:
    return (
        f'a prediction holds classes 0..{num_classes - 1}, or {IGNORE_INDEX} for none, but there is {found}; give '
        'indices of these classes, not ids of the data set, probabilities or colours'
    )
