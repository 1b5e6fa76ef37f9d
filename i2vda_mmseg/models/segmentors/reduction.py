"""One reduction of the gradients over the ranks, whatever the number of passes."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from torch import distributed

from i2vda_mmseg.models.wrappers import unwrapped


class OneReduction:
    """Keep DDP from averaging the gradients after every pass of an iteration; after the last one is enough.

    Which pass is the last is known from the iteration before; where there turn out to be more, gradients are averaged
    once more, which leaves what was averaged as it is, and where there are fewer, they are averaged here.
    """

    def __init__(self) -> None:
        self._expected = 1
        self._made = 0
        self._is_reduced, self._was_early = True, False

    @contextmanager
    def forward(self, network: Any) -> Iterator[None]:
        """Make one forward pass; the last may be the attempt that finds no further pass."""
        is_early = self._made + 1 < self._expected and hasattr(network, 'no_sync')
        with network.no_sync() if is_early else nullcontext():
            yield
        self._was_early = is_early

    def made(self) -> None:
        """Note that the forward pass gave losses, which are learnt from."""
        self._made += 1
        self._is_reduced = not self._was_early

    def finish(self, network: Any, is_due: bool) -> None:
        """End an iteration.

        Args:
            network: The segmentor, in its DDP wrapper.
            is_due: Whether the optimizer steps now; within a window of accumulated gradients nothing is averaged.
        """
        if not self._is_reduced and is_due:
            for parameter in unwrapped(network).parameters():
                if parameter.grad is not None:
                    distributed.all_reduce(parameter.grad)
                    parameter.grad /= distributed.get_world_size()
        self._expected, self._made, self._is_reduced = self._made, 0, True
