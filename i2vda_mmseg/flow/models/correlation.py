"""The correlation layer of mmflow's networks in plain PyTorch."""

from typing import Any

from torch import Tensor

from i2vda_mmseg import ops


class Correlation(ops.Correlation):
    """``ops.Correlation`` that also takes ``stride``, as LiteFlowNet2 needs. mmflow's registry looks for its name.

    Args:
        stride: Distance of the pixels of the first frame that are looked at, >= 1.
        **kwargs: As for ``ops.Correlation``.
    """

    def __init__(self, *, stride: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = stride

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Correlate two feature maps (N, C, H, W) at every ``stride``-th pixel."""
        dilation, step = self.dilation_patch, (..., slice(None, None, self.stride), slice(None, None, self.stride))
        if dilation % self.stride == 0 and not self.padding:  # displacements only reach pixels that stay
            return ops.correlation(input1[step], input2[step], self.max_displacement, dilation // self.stride)
        return ops.correlation(input1, input2, self.max_displacement, dilation, padding=self.padding)[step]
