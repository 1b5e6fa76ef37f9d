"""The same networks in less time on a CPU."""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_OVER_CHANNELS = dict(p=2, dim=1, keepdim=True)


class Shortcuts(TorchFunctionMode):
    """Run a network's pass with shorter ways for two operations that cost FlowNet2 a fourth of its time on a CPU.

    - Each ``torch.cat`` on a CPU writes where the same one of the pass before wrote. Large tensors go back to the
      system when they are freed, and the empty pages that it hands out instead take several times as long as the
      copying. A GPU's allocator keeps what is freed, and what is kept here would only lie beside the activations.
    - ``torch.norm`` over the channels is the root of a sum of squares: the operator takes a hundred times as long for
      the two or three channels of a flow or a frame.

    For passes without gradient whose results are copied before the next one.

    Example:
        >>> with Shortcuts() as shortcuts:
        ...     first = torch.cat((torch.zeros(2), torch.ones(1)))
        >>> with shortcuts:
        ...     second = torch.cat((torch.ones(2), torch.ones(1)))
        >>> first is not second and first.data_ptr() == second.data_ptr()
        True
    """

    def __init__(self) -> None:
        super().__init__()
        self._joined: list[Tensor] = []
        self._place = 0

    def __enter__(self) -> Self:
        self._place = 0
        return super().__enter__()

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: dict | None = None) -> Any:
        """Take the shorter way where there is one."""
        kwargs = kwargs or {}
        if func is torch.cat:
            return self._join(*args, **kwargs)
        if (
            func is torch.norm
            and {name: value for name, value in kwargs.items() if value is not None} == _OVER_CHANNELS
        ):
            return args[0].square().sum(dim=1, keepdim=True).sqrt_()
        return func(*args, **kwargs)

    def _join(self, tensors: Any, dim: int = 0) -> Tensor:
        """Give ``torch.cat`` its former result to write into, if it has the right size."""
        if tensors[0].device.type != 'cpu':
            return torch.cat(tensors, dim)
        place, self._place = self._place, self._place + 1
        former = self._joined[place] if place < len(self._joined) else None
        if former is not None and _fits(former, tensors, dim):
            return torch.cat(tensors, dim, out=former.detach())
        joined = torch.cat(tensors, dim)
        self._joined[place:] = [joined]  # what follows is of frames of the former size
        return joined


def _fits(former: Tensor, tensors: Any, dim: int) -> bool:
    """Tell whether joining ``tensors`` gives a tensor like ``former``."""
    first = tensors[0]
    size = list(first.shape)
    size[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return list(former.shape) == size and former.dtype == first.dtype and former.device == first.device


def without_waste(network: nn.Module) -> None:
    """Leave out what mmflow's networks compute for nothing, in place; the flow stays the same but for rounding.

    - Activations behind a transposed convolution overwrite their input, which nobody else sees.
    - A warp that repeats the border has no pixel to mask.
    - What FlowNet2 joins to the frames has their memory layout: joining layouts is several times as slow.
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
    """Store weights so that convolutions are fastest: channels last on a CPU, as usual elsewhere."""
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
