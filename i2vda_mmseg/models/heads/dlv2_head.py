"""The head of DeepLab-v2."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class DLV2Head(BaseDecodeHead):
    """Atrous spatial pyramid of DeepLab-v2: the sum of parallel dilated 3x3 convolutions that give logits directly.

    No norm, no activation, no ``conv_seg``, and dropout only where ``dropout_ratio`` asks for it. The released
    AdaptSegNet sums the first two branches only, by an accident of its code: ``dilations=(6, 12)`` reproduces it.

    Args:
        in_channels: Channels of the feature map.
        num_classes: Number of classes K.
        dilations: Dilation (= padding) of each branch.
        channels: Accepted because every mmseg head has it; unused.
        align_corners: How logits are resized to the image; True in DeepLab-v2.
        **kwargs: Those of ``BaseDecodeHead``: ``in_index``, ``ignore_index``, ``loss_decode`` (cross entropy,
            averaged over the pixels that are not ignored)...

    Raises:
        ValueError: If ``dilations`` is empty.

    Example:
        >>> import torch
        >>> head = DLV2Head(in_channels=8, num_classes=5)
        >>> head([torch.zeros(1, 8, 9, 17)]).shape
        torch.Size([1, 5, 9, 17])
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
        channels: int | None = None,
        align_corners: bool = True,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if not dilations:
            raise ValueError('dilations must name at least one branch, got none')
        kwargs.setdefault('dropout_ratio', 0)
        kwargs.setdefault('loss_decode', dict(type='CrossEntropyLoss', avg_non_ignore=True))
        super().__init__(
            in_channels,
            channels or 1,
            num_classes=num_classes,
            align_corners=align_corners,
            init_cfg=init_cfg or dict(type='Normal', std=0.01, override=dict(name='convs')),
            **kwargs,
        )
        del self.conv_seg  # it would get no gradient, which DDP reports as an error
        self.channels = channels
        self.dilations = tuple(dilations)
        self.convs = nn.ModuleList(
            nn.Conv2d(self.in_channels, self.out_channels, 3, padding=dilation, dilation=dilation)
            for dilation in dilations
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Give the logits (N, K, h, w) of the feature maps of a backbone."""
        x = self._transform_inputs(inputs)
        if self.dropout is not None:
            x = self.dropout(x)
        return sum(conv(x) for conv in self.convs)
