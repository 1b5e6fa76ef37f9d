"""Parameters that are there and never learn."""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.logging import print_log
from torch import nn

from i2vda_mmseg.errors import ConfigError


class IdleParameters:
    """Names the parameters of a network to which its losses give no gradient, once, where they are first seen.

    Args:
        network: The network, not its DDP wrapper.

    Example:
        >>> network = nn.ModuleDict(dict(used=nn.Linear(2, 1), spare=nn.Linear(2, 1)))
        >>> network['used'].weight.sum().backward()
        >>> IdleParameters(network).names()
        ['used.bias', 'spare.weight', 'spare.bias']
    """

    def __init__(self, network: nn.Module) -> None:
        self._parameters = dict(network.named_parameters())
        self._told = False
        self._seen: list[str] = []  # after the first iteration, as later ones begin without gradients

    def names(self) -> list[str]:
        """Give those that require a gradient and have none, after the backward passes."""
        return [name for name, value in self._parameters.items() if value.requires_grad and value.grad is None]

    def tell(self) -> None:
        """Log them once, after the backward passes of the first iteration."""
        if not self._told and (names := self.names()):
            self._seen = names
            print_log(
                f'model.segmentor: {len(names)} parameters get no gradient and never learn: {_some(names)}',
                logger='current',
                level=30,
            )
        self._told = True

    @contextmanager
    def advice(self) -> Iterator[None]:
        """Make a forward pass on one of several ranks.

        Raises:
            ConfigError: If DDP waits for gradients that never come.
        """
        try:
            yield
        except RuntimeError as error:
            if 'Expected to have finished reduction' not in str(error):
                raise
            names = self._seen or self.names()
            raise ConfigError(
                f'find_unused_parameters: {len(names)} parameters of model.segmentor get no gradient, for which '
                f'training on several ranks waits: {_some(names)}. Set find_unused_parameters = True at the top of '
                'the config, or take what they belong to out of model.segmentor'
            ) from error


def _some(names: list[str]) -> str:
    return ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')
