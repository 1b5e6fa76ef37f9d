"""Who moves the running statistics of batch norm."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

STATISTICS_MODES = ('shared', 'target')


@contextmanager
def frozen_statistics(module: nn.Module, enabled: bool = True) -> Iterator[None]:
    """Keep the running statistics of ``module`` as they are while it normalises with those of the batch.

    Args:
        module: Any module; its batch norms keep their mode (train or eval).
        enabled: False to do nothing.
    """
    norms = [child for child in module.modules() if isinstance(child, _BatchNorm)] if enabled else []
    tracked = [norm.track_running_stats for norm in norms]
    try:
        for norm in norms:
            norm.track_running_stats = False
        yield
    finally:
        for norm, before in zip(norms, tracked):
            norm.track_running_stats = before


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into eval mode, and each part of it back into its own mode whatever happens.

    Args:
        module: Any module; its batch norms normalise with their running statistics and leave them as they are.
    """
    modes = [(child, child.training) for child in module.modules()]
    try:
        module.eval()
        yield
    finally:
        for child, training in modes:
            child.training = training
