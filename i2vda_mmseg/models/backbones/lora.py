"""Linear layers that learn an update of low rank, and keep what they were."""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError


class LoRALinear(nn.Linear):
    """A linear layer ``y = W x + b + (alpha / rank) B A x`` of which A and B alone learn (LoRA, Hu et al., ICLR 2022).

    A starts at random and B at zero, so that it begins as the layer that it stands for, whose names its weight and bias
    keep. It has ``rank * (in_features + out_features)`` parameters more.

    Args:
        linear: The layer, whose weight and bias are taken over and frozen.
        rank: Rows of A.
        alpha: Scale of the update.

    Example:
        >>> import torch
        >>> layer = nn.Linear(3, 2)
        >>> torch.equal(LoRALinear(layer, rank=1, alpha=4.0)(torch.ones(1, 3)), layer(torch.ones(1, 3)))
        True
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(linear.in_features, linear.out_features, linear.bias is not None, device='meta')
        self.weight, self.bias = linear.weight, linear.bias
        self.requires_grad_(False)
        self.scale = alpha / rank
        self.lora_a = nn.Parameter(linear.weight.new_empty(rank, linear.in_features))
        self.lora_b = nn.Parameter(linear.weight.new_zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))  # as torch draws a linear layer

    def forward(self, x: Tensor) -> Tensor:
        """Compute (..., out_features) of (..., in_features)."""
        return super().forward(x) + self.scale * F.linear(F.linear(x, self.lora_a), self.lora_b)

    def merged(self) -> nn.Linear:
        """Give a plain layer of the same function."""
        layer = nn.Linear(self.in_features, self.out_features, self.bias is not None, device='meta')
        layer.weight = nn.Parameter(self.weight.detach() + self.scale * self.lora_b.detach() @ self.lora_a.detach())
        layer.bias = self.bias
        return layer.requires_grad_(False)


def add_lora(network: nn.Module, rank: int, alpha: float, targets: Sequence[str]) -> None:
    """Let the linear layers whose own names are among ``targets`` learn an update of low rank.

    Args:
        network: Any module; changed in place.
        rank: Rows of A, at least 1.
        alpha: Scale of the update.
        targets: Names such as 'q_proj', the last part of a layer's path.

    Raises:
        ConfigError: If the rank is below 1, or a name is none of a linear layer.
    """
    linear = {path: each for path, each in network.named_modules() if isinstance(each, nn.Linear)}
    names = sorted({path.rpartition('.')[2] for path in linear})
    key = 'model.segmentor.backbone.lora'
    if rank < 1:
        raise ConfigError(f'{key}.rank: must be at least 1, got {rank}')
    if wrong := sorted(set(targets) - set(names)):
        raise ConfigError(f'{key}.targets: {wrong} are no linear layers of the network, which has {names}')
    for path, layer in linear.items():
        parent, _, name = path.rpartition('.')
        if name in targets:
            setattr(network.get_submodule(parent), name, LoRALinear(layer, rank, alpha))


def merge_lora(network: nn.Module) -> nn.Module:
    """Put plain layers of the same function in the place of those with an update, in place; returns the network."""
    for path, layer in list(network.named_modules()):
        if isinstance(layer, LoRALinear):
            parent, _, name = path.rpartition('.')
            setattr(network.get_submodule(parent), name, layer.merged())
    return network
