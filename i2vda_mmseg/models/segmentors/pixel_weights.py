"""How much each pixel of a sample counts in the losses of a segmentor's heads."""

from collections.abc import Callable
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn


def weights_of(samples: Any) -> Tensor | None:
    """Give what ``labelled_samples`` was given as weights, (N, H, W); None of samples without, and of other things."""
    if not (isinstance(samples, list) and samples and hasattr(samples[0], 'loss_weight')):  # heads of masks take others
        return None
    return torch.cat([sample.loss_weight.data for sample in samples])


def unweighing_part(network: Any) -> str | None:
    """Name the part of a network that cannot weigh each pixel in its loss, as key and class, or None.

    mmseg's heads of logits and labels can, those of masks or points cannot. A network without such heads says so of
    itself, ``weighs_pixels``.
    """
    if getattr(network, 'weighs_pixels', False):
        return None
    heads = [(key, head) for key in ('decode_head', 'auxiliary_head') for head in listed(getattr(network, key, None))]
    for key, head in heads:
        if not isinstance(head, BaseDecodeHead) or type(head).loss_by_feat is not BaseDecodeHead.loss_by_feat:
            return f'{key}.type: {type(head).__name__}'
    return None if heads else f'type: {type(network).__name__}'


def weighted_loss(head: Any, loss_by_feat: Callable, logits: Any, samples: Any, *args: Any, **kwargs: Any) -> Any:
    """Let the weights of the samples, if they have any, act in the loss of a head."""
    weights = weights_of(samples)
    if weights is None:
        return loss_by_feat(logits, samples, *args, **kwargs)
    own = head.sampler
    head.sampler = _GivenWeights(weights, own)
    try:
        return loss_by_feat(logits, samples, *args, **kwargs)
    finally:
        head.sampler = own


class _GivenWeights:
    """In the place of a head's pixel sampler, from which mmseg takes the weight of each pixel."""

    def __init__(self, weights: Tensor, own: Any) -> None:
        self.weights, self.own = weights, own

    def sample(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Give the weights (N, H, W), times those of the head's own sampler."""
        return self.weights if self.own is None else self.weights * self.own.sample(logits, labels)


def listed(heads: Any) -> list[Any]:
    """Give what a network has under the name of a head: none, one or several."""
    if heads is None:
        return []
    return list(heads) if isinstance(heads, nn.ModuleList) else [heads]
