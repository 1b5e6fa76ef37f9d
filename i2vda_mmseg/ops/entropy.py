"""Entropy of a prediction, Eq. 6, and the self-information that it sums."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def self_information(logits: Tensor) -> Tensor:
    """Compute the weighted self-information ``I_k = -p_k log p_k / log C`` with ``p = softmax(logits)``, as in AdvEnt.

    Computed from logits so that a certain prediction (p_k = 0) gives 0 and a finite gradient.

    Args:
        logits: (N, C, H, W), floating point, C >= 2.

    Returns:
        (N, C, H, W), at least float32: 0 where p_k is 0 or 1, at most ``1 / (e log C)``. The sum over the classes is
        Eq. 6.

    Raises:
        ValueError: If ``logits`` is not (N, C, H, W) with C >= 2.

    Example:
        >>> self_information(torch.zeros(1, 2, 1, 1)).flatten()
        tensor([0.5000, 0.5000])
    """
    if logits.ndim != 4 or logits.shape[1] < 2:
        raise ValueError(f'logits must have the shape (N, C, H, W) with C >= 2, got {tuple(logits.shape)}')
    log_probs = F.log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), dim=1)
    log_probs = log_probs.clamp(min=-1e4)  # p is 0 long before, and 0 * inf would be NaN
    return -log_probs.exp() * log_probs / math.log(logits.shape[1])


def normalized_entropy(logits: Tensor) -> Tensor:
    """Compute the entropy map E of Eq. 6, ``E = -1/log(C) * sum_k p_k log p_k`` with ``p = softmax(logits)``.

    Args:
        logits: (N, C, H, W), floating point, C >= 2.

    Returns:
        (N, H, W) in [0, 1]: 0 where one class has all the probability, 1 where all classes have the same. At least
        float32.

    Raises:
        ValueError: If ``logits`` is not (N, C, H, W) with C >= 2.

    Example:
        >>> normalized_entropy(torch.zeros(1, 2, 1, 2))
        tensor([[[1., 1.]]])
    """
    return self_information(logits).sum(dim=1).clamp(0, 1)  # rounding leaves the interval by a few units


def robust_entropy(logits: Tensor, eta: float = 2.0, eps: float = 1e-8) -> Tensor:
    """Compute FDA's penalty on entropy, ``mean((E^2 + eps)^eta)`` with E of Eq. 6, a Charbonnier function.

    For ``eta`` above 0.5 it cares more for uncertain pixels than for nearly certain ones.

    Args:
        logits: (N, C, H, W), floating point, C >= 2.
        eta: Exponent.
        eps: Keeps the gradient finite at E = 0 where ``eta`` is below 1.

    Returns:
        A scalar in [eps^eta, (1 + eps)^eta], at least float32.

    Example:
        >>> robust_entropy(torch.zeros(1, 2, 1, 3))
        tensor(1.)
    """
    return (normalized_entropy(logits).square() + eps).pow(eta).mean()
