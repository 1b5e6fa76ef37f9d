"""Several discriminators as one network."""

from typing import Any

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class DiscriminatorSet(BaseModule):
    """One discriminator for each level of a prediction, with one optimizer and one wrapper for DDP.

    Args:
        **members: Config of the discriminator of each level, by the level's name.

    Raises:
        ValueError: If no member is given.

    Example:
        >>> import torch
        >>> member = dict(type='FCDiscriminator', in_channels=15, base_channels=4)
        >>> discriminator = DiscriminatorSet(main=member, aux=member)
        >>> scores = discriminator(dict(main=torch.zeros(1, 15, 64, 96), aux=torch.zeros(1, 15, 32, 64)))
        >>> {level: tuple(score.shape) for level, score in scores.items()}
        {'main': (1, 1, 2, 3), 'aux': (1, 1, 1, 2)}
    """

    def __init__(self, init_cfg: dict | None = None, **members: Any) -> None:
        super().__init__(init_cfg)
        if not members:
            raise ValueError('DiscriminatorSet needs a member for each level, such as main=dict(type=...)')
        self.members = nn.ModuleDict({level: MODELS.build(config) for level, config in members.items()})

    def forward(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Score the map of each level by its own discriminator."""
        return {level: self.members[level](prediction) for level, prediction in predictions.items()}
