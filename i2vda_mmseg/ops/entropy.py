"""Entropy of a prediction, Eq. 6."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def normalized_entropy(logits: Tensor) -> Tensor:
    """Compute the entropy map E of Eq. 6, ``E = -1/log(C) * sum_k p_k log p_k`` with ``p = softmax(logits)``.

    Computed from logits so that a certain prediction (p_k = 0) gives 0 and a finite gradient.

    Args:
        logits: (N, C, H, W), floating point, C >= 2.

    Returns:
        (N, H, W) in [0, 1]: 0 where one class has all the probability, 1 where all classes have the same. At least
        float32.

    Raises:
        ValueError: If ``logits`` is not (N, C, H, W) with C >= 2.

    Example:
        >>> normalized_entropy(torch.zeros(1, 3, 1, 2))
        tensor([[[1., 1.]]])
    """
    if logits.ndim != 4 or logits.shape[1] < 2:
        raise ValueError(f'logits must have the shape (N, C, H, W) with C >= 2, got {tuple(logits.shape)}')
    log_probs = F.log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), dim=1)
    log_probs = log_probs.clamp(min=-1e4)  # p is 0 long before, and 0 * inf would be NaN
    entropy = -(log_probs.exp() * log_probs).sum(dim=1) / math.log(logits.shape[1])
    return entropy.clamp(0, 1)  # rounding leaves the interval by a few units in the last place
