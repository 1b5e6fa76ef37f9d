"""The decoder of DAFormer."""

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from mmseg.registry import MODELS
from torch import Tensor

from .embedded_head import EmbeddedHead


@MODELS.register_module()
class DAFormerHead(EmbeddedHead):
    """Fuses all feature maps by dilated convolutions without image pooling (Hoyer et al., CVPR 2022, Sec. 3.3).

    Each feature map goes through a linear layer of its own to ``channels``, without norm or activation, and is brought
    to the size of the first. Together they go through four branches: a 1x1 convolution, and depthwise separable 3x3
    convolutions of dilation 6, 12 and 18; a 3x3 convolution makes ``channels`` of the branches, before dropout and the
    classifier.

    Args:
        in_channels: Channels of the feature maps, (64, 128, 320, 512) of a MiT-B5, with which and 19 classes the head
            has 3,712,275 parameters.
        channels: Width of the linear layers, the branches and the last convolution.
        dilations: Of the branches; the first, 1, is the plain one.
        in_index: Positions of the feature maps among those of the backbone; None: all, in order.
        norm_cfg: Behind each convolution; the authors take none for CNNs.
        **kwargs: Those of mmseg's ``BaseDecodeHead``: ``num_classes``, ``dropout_ratio`` (0.1), ``loss_decode``...
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int = 256,
        dilations: Sequence[int] = (1, 6, 12, 18),
        in_index: Sequence[int] | None = None,
        norm_cfg: dict | None = dict(type='BN', requires_grad=True),  # noqa: B006 - mmseg's way, and never changed
        **kwargs: Any,
    ) -> None:
        super().__init__(in_channels, channels, in_index, norm_cfg=norm_cfg, **kwargs)
        self.dilations = tuple(dilations)
        options = dict(conv_cfg=self.conv_cfg, norm_cfg=norm_cfg, act_cfg=self.act_cfg)
        self.branches = DepthwiseSeparableASPPModule(
            dilations=self.dilations, in_channels=channels * len(in_channels), channels=channels, **options
        )
        self.bottleneck = ConvModule(len(self.dilations) * channels, channels, 3, padding=1, **options)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Predict: feature maps (N, C_i, h_i, w_i) to logits (N, classes, h_0, w_0)."""
        return self.cls_seg(self.bottleneck(torch.cat(self.branches(self.embedded(inputs)), dim=1)))
