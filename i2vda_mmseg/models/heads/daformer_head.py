"""The decoder of DAFormer."""

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class DAFormerHead(BaseDecodeHead):
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
        super().__init__(
            in_channels=list(in_channels),
            channels=channels,
            in_index=list(in_index or range(len(in_channels))),
            input_transform='multiple_select',
            norm_cfg=norm_cfg,
            **kwargs,
        )
        self.dilations = tuple(dilations)
        self.embeddings = nn.ModuleList(nn.Linear(each, channels) for each in in_channels)
        options = dict(conv_cfg=self.conv_cfg, norm_cfg=norm_cfg, act_cfg=self.act_cfg)
        self.branches = DepthwiseSeparableASPPModule(
            dilations=self.dilations, in_channels=channels * len(in_channels), channels=channels, **options
        )
        self.bottleneck = ConvModule(len(self.dilations) * channels, channels, 3, padding=1, **options)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Predict: feature maps (N, C_i, h_i, w_i) to logits (N, classes, h_0, w_0)."""
        maps = self._transform_inputs(inputs)
        embedded = [
            resize(self._embed(layer, each), size=maps[0].shape[2:], mode='bilinear', align_corners=self.align_corners)
            for layer, each in zip(self.embeddings, maps)
        ]
        fused = torch.cat(self.branches(torch.cat(embedded, dim=1)), dim=1)
        return self.cls_seg(self.bottleneck(fused))

    @staticmethod
    def _embed(layer: nn.Module, features: Tensor) -> Tensor:
        """Apply a linear layer to each place."""
        return layer(features.movedim(1, -1)).movedim(-1, 1)
