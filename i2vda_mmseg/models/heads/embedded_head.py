"""What the heads share that bring all feature maps to one width and size by linear layers."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from torch import Tensor, nn


class EmbeddedHead(BaseDecodeHead):
    """Each feature map through a linear layer of its own, without norm or activation, at the size of the first.

    Args:
        in_channels: Channels of the feature maps.
        channels: Width of the linear layers.
        in_index: Positions of the feature maps among those of the backbone; None: all, in order.
        **kwargs: Those of mmseg's ``BaseDecodeHead``.
    """

    def __init__(
        self, in_channels: Sequence[int], channels: int, in_index: Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(
            in_channels=list(in_channels),
            channels=channels,
            in_index=list(in_index or range(len(in_channels))),
            input_transform='multiple_select',
            **kwargs,
        )
        self.embeddings = nn.ModuleList(nn.Linear(each, channels) for each in in_channels)

    def embedded(self, inputs: Sequence[Tensor]) -> Tensor:
        """Feature maps (N, C_i, h_i, w_i) to (N, maps * channels, h_0, w_0)."""
        maps = self._transform_inputs(inputs)
        size = maps[0].shape[2:]
        return torch.cat(
            [
                resize(_at_each_place(layer, each), size=size, mode='bilinear', align_corners=self.align_corners)
                for layer, each in zip(self.embeddings, maps)
            ],
            dim=1,
        )


def _at_each_place(layer: nn.Module, features: Tensor) -> Tensor:
    return layer(features.movedim(1, -1)).movedim(-1, 1)
