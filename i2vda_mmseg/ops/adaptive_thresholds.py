"""Confidence thresholds that follow what a network is sure of, class by class."""

import torch
from torch import Tensor


def adaptive_thresholds(
    probs: Tensor, thresholds: Tensor, alpha: float = 0.2, gamma: float = 8.0, momentum: float = 0.9, cap: float = 0.999
) -> Tensor:
    """Move the threshold of each class towards a percentile of its pixels' confidences (IAST, Mei et al., ECCV 2020).

    Of the pixels predicted as class c, and the threshold w_c itself, the quantile of ``1 - alpha w_c^gamma``; then
    ``w_c <- min(momentum w_c + (1 - momentum) quantile, cap)``: the surer the network, the larger the share that is
    kept, ``alpha`` at most. A class that is not predicted keeps its threshold. Nobody waits for a GPU.

    Args:
        probs: (N, C, H, W), softmax.
        thresholds: (C,), in [0, 1].
        alpha: Largest share of a class's pixels that exceeds the quantile.
        gamma: How fast that share falls with the threshold.
        momentum: Weight of the former threshold.
        cap: Largest threshold.

    Returns:
        (C,), the new thresholds.

    Example:
        >>> probs = torch.tensor([[0.6, 0.8, 1.0], [0.4, 0.2, 0.0]]).view(1, 2, 1, 3)
        >>> adaptive_thresholds(probs, torch.tensor([0.9, 0.9]), momentum=0.0)
        tensor([0.9742, 0.9000])
    """
    confidence, labels = probs.max(dim=1)
    classes = torch.arange(len(thresholds), device=probs.device)
    labels = torch.cat((labels.flatten(), classes))
    values = torch.cat((confidence.flatten(), thresholds)).double()
    count = torch.zeros(len(thresholds), dtype=torch.double, device=probs.device)
    count = count.scatter_add(0, labels, torch.ones_like(values))
    ordered = (values + 2 * labels).sort().values  # class after class, and within each by confidence
    place = (1 - alpha * thresholds.double() ** gamma) * (count - 1)
    start = count.cumsum(0) - count
    low, high = (ordered[(start + end).long()] - 2 * classes for end in (place.floor(), place.ceil()))
    quantile = low + (high - low) * (place - place.floor())
    return (momentum * thresholds + (1 - momentum) * quantile.to(thresholds.dtype)).clamp(max=cap)
