"""Cross entropy to labels that are distributions."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class SoftCrossEntropyLoss(nn.Module):
    """Cross entropy ``-sum_c y_c log p_c`` to soft labels y, as CRST's LRENT (Zou et al., ICCV 2019) learns from.

    The mean over the labelled pixels. Soft labels are normalised over the classes, so that counts serve, too; a pixel
    whose soft label is all zeros has none.

    Example:
        >>> soft = torch.tensor([1, 3]).view(1, 2, 1, 1)
        >>> logits = torch.tensor([0.25, 0.75]).log().view(1, 2, 1, 1)
        >>> SoftCrossEntropyLoss()(logits, soft)
        tensor(0.5623)
    """

    def forward(self, logits: Tensor, soft_labels: Tensor) -> Tensor:
        """Average over the labelled pixels of logits and soft labels (N, C, H, W); 0 where there are none."""
        mass = soft_labels.to(logits).sum(dim=1)
        soft = soft_labels.to(logits) / mass.clamp(min=torch.finfo(logits.dtype).tiny)[:, None]
        cross_entropy = -(soft * logits.log_softmax(dim=1)).sum(dim=1)
        return cross_entropy.sum() / (mass > 0).sum().clamp(min=1)
