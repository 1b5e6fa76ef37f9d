"""Mixed precision that needs no scaling of the loss."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.amp import autocast
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class Bfloat16OptimWrapper(OptimWrapper):
    """Run the networks' forward passes in bfloat16, on a GPU or a CPU.

    bfloat16 has the range of float32, so that gradients need no ``loss_scaler``; mmengine's ``AmpOptimWrapper``, which
    always has one, asks for a GPU. Weights, gradients and the optimizer's state stay float32.

    Args:
        **kwargs: Those of mmengine's ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Compute in bfloat16, and leave the gradients of ranks apart inside a window of accumulation."""
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
