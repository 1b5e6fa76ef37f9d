"""The model regularisation of CRST."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.ops import IGNORE_INDEX


@MODELS.register_module()
class MRKLDLoss(nn.Module):
    """Cross entropy to the uniform distribution, ``-1/C sum_c log p_c`` (MRKLD, Zou et al., ICCV 2019).

    The mean over the pixels that have a label; but for the constant log C, the Kullback-Leibler divergence of the
    prediction from the uniform distribution. It keeps a network that learns from its own labels from being too sure.

    Example:
        >>> MRKLDLoss()(torch.zeros(1, 4, 1, 2), torch.tensor([[[3, 255]]])).exp()
        tensor(4.)
    """

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Average over the labelled pixels of logits (N, C, H, W) and labels (N, H, W); 0 where all are ignored."""
        has_label = labels != IGNORE_INDEX
        divergence = -logits.log_softmax(dim=1).mean(dim=1)
        zero = torch.zeros_like(divergence)
        return divergence.where(has_label, zero).sum() / has_label.sum().clamp(min=1)
