"""The same networks in less time on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn


def without_waste(network: nn.Module) -> None:
    """Leave out what mmflow's networks compute for nothing, in place; the flow stays the same but for rounding.

    - Activations behind a transposed convolution overwrite their input, which nobody else sees.
    - A warp that repeats the border has no pixel to mask.
    - What FlowNet2 joins to the frames has their memory layout: joining layouts is several times as slow.

    Args:
        network: A flow estimator of mmflow, which will not be trained.
    """
    modules: list[Any] = list(network.modules())
    for module in modules:
        for layer in getattr(module, 'deconvs', ()):
            if isinstance(layer, nn.LeakyReLU):
                layer.inplace = True
        if getattr(module, 'padding_mode', None) == 'border' and hasattr(module, 'use_mask'):
            module.use_mask = False
        if hasattr(module, 'link'):
            module.link = _Link(module.link)


def lay_out(network: nn.Module, device: torch.device) -> None:
    """Store weights so that convolutions are fastest: channels last on a CPU, as usual elsewhere.

    Args:
        network: Any network.
        device: Where it is going to run.
    """
    is_cpu = device.type == 'cpu'
    memory_format = torch.channels_last if is_cpu else torch.contiguous_format
    network.to(memory_format=memory_format)  # type: ignore[call-overload]


class _Link(nn.Module):
    """mmflow's link between two networks of FlowNet2, on flow in the layout of the frames."""

    def __init__(self, link: nn.Module) -> None:
        super().__init__()
        self.link = link

    def forward(self, frame_a: Tensor, frame_b: Tensor, flow: Tensor, flow_div: float) -> Any:
        """Make the next network's input of frames (N, 3, H, W) and flow (N, 2, H, W)."""
        return self.link(frame_a, frame_b, flow.contiguous(), flow_div)
