"""Numbers on a GPU, read when they have arrived: the program need not wait for its device."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.runner import Runner
from torch import Tensor


def is_elsewhere(value: Any) -> bool:
    """Whether a value lies on a device that the program would have to wait for."""
    return isinstance(value, Tensor) and value.device.type != 'cpu'


def deliver_all(runner: Runner) -> None:
    """Let every hook look at what it still waits for, so that what went wrong stops the run before it is stored."""
    for hook in runner.hooks:
        if hasattr(hook, 'deliver'):
            hook.deliver(runner)


class LateValues:
    """A queue of vectors on their way from a device to the CPU.

    Example:
        >>> late = LateValues()
        >>> late.send('iteration 1', torch.tensor([1.0, 2.0]))
        >>> late.send('iteration 2', torch.tensor([3.0]))
        >>> list(late.arrived(keep=1)), list(late.arrived())
        ([('iteration 1', [1.0, 2.0])], [('iteration 2', [3.0])])
    """

    def __init__(self) -> None:
        self._sent: deque[tuple[Any, Tensor, Any]] = deque()

    def send(self, note: Any, values: Tensor) -> None:
        """Start a copy.

        Args:
            note: What is given back with the values.
            values: (K,), on any device; not changed by this program afterwards.
        """
        values = values.detach()
        copy = torch.empty(values.shape, dtype=values.dtype, pin_memory=values.is_cuda)
        copy.copy_(values, non_blocking=True)
        event = torch.cuda.Event() if values.is_cuda else None
        if event is not None:
            event.record()
        self._sent.append((note, copy, event))

    def arrived(self, keep: int = 0) -> Iterator[tuple[Any, list[float]]]:
        """Give what was sent, in order, and forget it.

        Args:
            keep: How many of the last ones stay, which may still be on their way: with 1, what is waited for was sent
                an iteration ago.
        """
        while len(self._sent) > keep:
            note, copy, event = self._sent.popleft()
            if event is not None:
                event.synchronize()
            yield note, copy.tolist()
