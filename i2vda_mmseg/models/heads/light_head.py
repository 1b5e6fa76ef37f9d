"""The small decoder of VFM-UDA."""

from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


class _ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels at each place."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


@MODELS.register_module()
class LightHead(BaseDecodeHead):
    """Brings the one feature map of a vision transformer to four times its size (VFM-UDA, Englert et al., CVPRW 2024).

    Two transposed 2x2 convolutions, which halve and quarter the width, the first with GELU, and a 3x3 convolution, each
    with layer norm over the channels; then the classifier, without bias, drawn from N(0, 0.1). Without dropout.

    Args:
        in_channels: C of the feature map, a multiple of 4. With K classes the head has ``49 C^2 / 16 + C (8 + K) / 4``
            parameters.
        in_index: Position of the feature map among those of the backbone.
        **kwargs: Those of mmseg's ``BaseDecodeHead``: ``num_classes``, ``loss_decode``, ``align_corners``...
    """

    def __init__(self, in_channels: int, in_index: int = -1, **kwargs: Any) -> None:
        options = dict(init_cfg=dict(type='Normal', std=0.1, override=dict(name='conv_seg'))) | kwargs
        super().__init__(
            in_channels=in_channels, channels=in_channels // 4, in_index=in_index, **dict(options, dropout_ratio=0)
        )
        half, quarter = in_channels // 2, in_channels // 4
        self.upscale = nn.Sequential(
            nn.ConvTranspose2d(in_channels, half, 2, stride=2, bias=False),
            _ChannelNorm(half),
            nn.GELU(),
            nn.ConvTranspose2d(half, quarter, 2, stride=2, bias=False),
            _ChannelNorm(quarter),
            nn.Conv2d(quarter, quarter, 3, padding=1, bias=False),
            _ChannelNorm(quarter),
        )
        self.conv_seg = nn.Conv2d(quarter, self.out_channels, 1, bias=False)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Predict: feature maps, of which one (N, C, h, w) counts, to logits (N, classes, 4 h, 4 w)."""
        return self.cls_seg(self.upscale(self._transform_inputs(inputs)))
