"""The criterion of the first adversarial networks."""

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class BinaryCrossEntropyLoss(nn.Module):
    """Mean binary cross entropy of raw scores and one label for all of them, as in AdaptSegNet and ADVENT.

    Example:
        >>> import torch
        >>> BinaryCrossEntropyLoss()(torch.zeros(1, 1, 2, 3), 1.0)
        tensor(0.6931)
    """

    def forward(self, scores: Tensor, label: float) -> Tensor:
        """Compare raw scores of any shape with ``label`` in [0, 1]; a scalar."""
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))
