"""The scale attention of HRDA."""

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import ConvModule
from mmseg.registry import MODELS
from torch import Tensor

from .embedded_head import EmbeddedHead


@MODELS.register_module()
class ScaleAttentionHead(EmbeddedHead):
    """How much the detail counts, for each class and place: HRDA's attention (Hoyer et al., ECCV 2022, Sec. 3.3).

    Linear layers as in ``DAFormerHead``, one 1x1 convolution over them all, dropout and a 1x1 layer; the sigmoid comes
    later. It has no loss of its own.

    Args:
        in_channels: Channels of the feature maps; (64, 128, 320, 512) and 19 classes make 530,707 parameters.
        channels: Width.
        norm_cfg: Behind the convolution.
        **kwargs: Those of mmseg's ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int = 256,
        norm_cfg: dict | None = dict(type='BN', requires_grad=True),  # noqa: B006 - mmseg's way, and never changed
        **kwargs: Any,
    ) -> None:
        super().__init__(in_channels, channels, norm_cfg=norm_cfg, **kwargs)
        self.fusion = ConvModule(
            channels * len(in_channels),
            channels,
            1,
            conv_cfg=self.conv_cfg,
            norm_cfg=norm_cfg,
            act_cfg=self.act_cfg,
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Give scores: feature maps (N, C_i, h_i, w_i) to (N, classes, h_0, w_0)."""
        return self.cls_seg(self.fusion(self.embedded(inputs)))
