"""Rates that fall with the depth of the layer."""

from typing import Any

from torch import nn
from torch.optim import Optimizer

from i2vda_mmseg.errors import ConfigError

_KEY = 'optim_wrapper.segmentor.paramwise_cfg.layer_decay'


def decay_by_layer(network: nn.Module, optimizer: Optimizer, decay: float) -> None:
    """Multiply the rate of each parameter of a backbone by ``decay ** n``, n the blocks between it and the head.

    The embeddings have all blocks behind them, and what follows the last block none (BEiT, Bao et al., ICLR 2022).

    Args:
        network: A segmentor whose ``backbone`` has ``layers_above``.
        optimizer: With a group for each parameter.
        decay: In (0, 1]; 1 for one rate.

    Raises:
        ConfigError: If ``decay`` leaves (0, 1], or the backbone does not count its layers.
    """
    backbone: Any = getattr(network, 'backbone', None)
    if not 0 < decay <= 1:
        raise ConfigError(f'{_KEY}: must lie in (0, 1], got {decay}')
    if not hasattr(backbone, 'layers_above'):
        raise ConfigError(
            f'{_KEY}: goes by the blocks of a vision transformer, which HFBackbone counts and '
            f'{type(backbone).__name__} does not; take custom_keys with an lr_mult each'
        )
    factors = {parameter: decay ** backbone.layers_above(name) for name, parameter in backbone.named_parameters()}
    for group in optimizer.param_groups:
        group['lr'] *= factors.get(group['params'][0], 1.0)
