"""Propagation by forward splatting, as in DA-VSN."""

from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.ops import propagate


@MODELS.register_module()
class Splat(nn.Module):
    """Push each pixel of the previous frame to where it is in the current one, rounded to whole pixels.

    The pixel at x goes to ``x - flow(x)``, as in DA-VSN (Guan et al., ICCV 2021): the flow lives on the current frame's
    grid and is read on the previous one's, which is exact where neighbours move alike. Where nothing lands, the map is
    0; where several pixels do, the last in column-major order stays.
    """

    def forward(self, previous: Tensor, flow: Tensor) -> Tensor:
        """Move a map of the previous frame to the current one: (N, C, h, w) on the current frame's grid.

        Args:
            previous: (N, C, h, w).
            flow: (N, 2, h, w), pixels of that grid, from the current frame to the previous one, on the current grid.
        """
        return propagate(previous, -flow)[0]
