"""Propagation by backward warping, as in TPS."""

from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.ops import warp


@MODELS.register_module()
class BackwardWarp(nn.Module):
    """Fetch each pixel of the current frame from where it was in the previous one, bilinearly.

    ``out = W(previous, flow)``: every pixel of the current frame gets a value; outside the previous frame that of its
    border (TPS, Xing et al., ECCV 2022).
    """

    def forward(self, previous: Tensor, flow: Tensor) -> Tensor:
        """Move a map of the previous frame to the current one: (N, C, h, w) on the current frame's grid.

        Args:
            previous: (N, C, h, w), floating point.
            flow: (N, 2, h, w), pixels of that grid, from the current frame to the previous one, on the current grid.
        """
        return warp(previous, flow)
