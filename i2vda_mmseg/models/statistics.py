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
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
