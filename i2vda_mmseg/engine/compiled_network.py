"""torch.compile for the parts of a segmentor that are nothing but tensors."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Self

import torch
from torch import nn

PARTS = ('backbone', 'neck', 'decode_head', 'auxiliary_head')


class CompiledForward:
    """The compiled ``forward`` of a module, in the place of the method.

    It is no module and has no parameters: names and checkpoints stay as they are. A copy of the module, such as a
    proxy, gets one of its own.

    Args:
        module: The module.
        options: Arguments of ``torch.compile``.
    """

    def __init__(self, module: nn.Module, options: Mapping[str, Any]) -> None:
        self.module, self.options = module, dict(options)
        self.plain = type(module).forward.__get__(module)
        self.compiled = torch.compile(self.plain, **self.options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it."""
        return self.compiled(*args, **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Compile the copy of the module."""
        return type(self)(deepcopy(self.module, memo), self.options)


def compile_network(network: nn.Module, options: Mapping[str, Any] | None = None) -> list[str]:
    """Compile backbone, neck and heads of a segmentor, in place; returns their names.

    What is around them, losses and lists of samples, stays as it is: those parts are whole graphs, without breaks
    (``graph_breaks``). Figures are the same up to rounding.

    Args:
        network: An ``EncoderDecoder`` or one of its kind, not its DDP wrapper.
        options: Arguments of ``torch.compile``.
    """
    names = []
    for name, part in parts_of(network):
        part.forward = CompiledForward(part, options or {})
        names.append(name)
    return names


def parts_of(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Walk over backbone, neck and heads with their names, each once."""
    for name in PARTS:
        part = getattr(network, name, None)
        if isinstance(part, nn.ModuleList):
            yield from ((f'{name}.{index}', each) for index, each in enumerate(part))
        elif isinstance(part, nn.Module):
            yield name, part


def graph_breaks(network: nn.Module, images: torch.Tensor) -> dict[str, int]:
    """Count the places at which the parts of a network cannot be compiled, in a forward pass of images (N, 3, H, W).

    Args:
        network: As of ``compile_network``, before it.
        images: Network input.
    """
    counts: dict[str, int] = {}
    parts = dict(parts_of(network))

    def explained(name: str, plain: Callable, *args: Any) -> Any:
        """Explain a forward pass on what it is given, then make it."""
        torch._dynamo.reset()
        counts[name] = torch._dynamo.explain(plain)(*args).graph_break_count
        return plain(*args)

    try:
        for name, part in parts.items():
            part.forward = partial(explained, name, type(part).forward.__get__(part))
        network(images, mode='tensor')
    finally:
        for part in parts.values():
            del part.forward
        torch._dynamo.reset()
    return counts
