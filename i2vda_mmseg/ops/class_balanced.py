"""Class-balanced selection of pseudo-labels, as in CBST and CRST."""

from torch import Tensor

from .labels import IGNORE_INDEX


def class_balanced_labels(probs: Tensor, thresholds: Tensor) -> Tensor:
    """Label each pixel with the class that exceeds its own threshold k_c the most.

    ``label = argmax_c p_c / k_c``, kept where ``max_c p_c / k_c >= 1`` and ignored elsewhere: the solution of CBST's
    label step (Zou et al., ECCV 2018). Classes that are predicted with less confidence get the lower threshold, and so
    their share of the labels.

    Args:
        probs: (N, C, H, W), the network's softmax.
        thresholds: (C,), k_c in (0, 1], as ``ConfidenceHistogram.thresholds`` gives them.

    Returns:
        (N, H, W), int64, 255 = ignored.

    Example:
        >>> import torch
        >>> probs = torch.tensor([[0.7, 0.3], [0.6, 0.4], [0.9, 0.1]]).T[None, :, None]
        >>> class_balanced_labels(probs, torch.tensor([0.8, 0.35]))
        tensor([[[255,   1,   0]]])
    """
    ratio, labels = (probs / _channels(thresholds, probs)).max(dim=1)
    return labels.masked_fill(ratio < 1, IGNORE_INDEX)


def class_balanced_soft_labels(probs: Tensor, thresholds: Tensor, alpha: float = 0.25) -> tuple[Tensor, Tensor]:
    """Give soft labels regularised by their entropy: CRST's LRENT (Zou et al., ICCV 2019).

    The label y minimises ``-sum_c y_c log(p_c / k_c) + alpha sum_c y_c log y_c``, hence ``y_c`` is proportional to
    ``(p_c / k_c)^(1/alpha)``. A pixel is selected where this minimum is negative. Put y in, and the minimum is
    ``-alpha log sum_c (p_c / k_c)^(1/alpha)``: selected is where that sum exceeds 1. As alpha goes to 0, labels and
    selection become those of ``class_balanced_labels``.

    Args:
        probs: (N, C, H, W), the network's softmax.
        thresholds: (C,), k_c in (0, 1].
        alpha: Weight of the label entropy, positive; 0.25 in CRST.

    Returns:
        The soft labels, (N, C, H, W), summing to 1 over the classes, and where they are selected, (N, H, W), bool.

    Raises:
        ValueError: If ``alpha`` is not positive.

    Example:
        >>> import torch
        >>> probs = torch.tensor([[0.5, 0.5], [0.6, 0.4]]).T[None, :, None]
        >>> soft, selected = class_balanced_soft_labels(probs, torch.tensor([0.6, 1.0]), alpha=1.0)
        >>> soft[0, :, 0].T, selected
        (tensor([[0.6250, 0.3750],
                [0.7143, 0.2857]]), tensor([[[True, True]]]))
    """
    if alpha <= 0:
        raise ValueError(f'alpha must be positive, got {alpha}; class_balanced_labels gives its limit at 0')
    scores = (probs.log() - _channels(thresholds, probs).log()) / alpha
    return scores.softmax(dim=1), scores.logsumexp(dim=1) > 0


def _channels(thresholds: Tensor, probs: Tensor) -> Tensor:
    """Bring thresholds (C,) to the shape of a map, (1, C, 1, 1)."""
    if probs.ndim != 4 or thresholds.shape != (probs.shape[1],):
        raise ValueError(
            f'probs must be (N, C, H, W) and thresholds (C,), got {tuple(probs.shape)} and {tuple(thresholds.shape)}'
        )
    return thresholds.to(probs)[:, None, None]
