"""The squared error of Eq. 11 and 12."""

from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class LeastSquaresLoss(nn.Module):
    """Least-squares adversarial loss ``(D(P) - label)^2``, averaged over D's map.

    Example:
        >>> import torch
        >>> LeastSquaresLoss()(torch.full((1, 1, 2, 3), 3.0), label=1.0)
        tensor(4.)
    """

    def forward(self, scores: Tensor, label: float) -> Tensor:
        """Compare D's raw scores (N, 1, h, w) with one label for all of them; a scalar."""
        return (scores - label).square().mean()
