"""The discriminator D of Eq. 11 and 12."""

from itertools import pairwise

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class FCDiscriminator(BaseModule):
    """Fully convolutional discriminator of AdaptSegNet (Tsai et al., CVPR 2018).

    Five 4x4 convolutions of stride 2 with LeakyReLU(0.2) between them, no norm, no sigmoid: one raw score for each
    32x32 pixels. State keys are ``convs.{0..4}.{weight,bias}``.

    Args:
        in_channels: Channels of the map it judges: the number of classes.
        base_channels: Channels after the first convolution; doubled by each of the next three.

    Example:
        >>> import torch
        >>> FCDiscriminator(in_channels=15)(torch.zeros(1, 15, 64, 128)).shape
        torch.Size([1, 1, 2, 4])
    """

    def __init__(self, in_channels: int, base_channels: int = 64, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.base_channels = base_channels
        channels = [in_channels, *(base_channels * factor for factor in (1, 2, 4, 8)), 1]
        self.convs = nn.ModuleList(
            nn.Conv2d(fan_in, fan_out, kernel_size=4, stride=2, padding=1) for fan_in, fan_out in pairwise(channels)
        )
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        """Score a map (N, in_channels, H, W) of at least 32x32: (N, 1, H/32, W/32), raw."""
        if min(x.shape[-2:]) < 32:
            raise ValueError(f'FCDiscriminator has stride 32 and needs maps of at least 32x32, got {tuple(x.shape)}')
        for conv in self.convs[:-1]:
            x = self.activation(conv(x))
        return self.convs[-1](x)
