"""A segmentor that looks at the frame before as well."""

from typing import Any, ClassVar, NamedTuple

import torch
from mmseg.registry import MODELS
from mmseg.utils import add_prefix
from torch import Tensor, nn

from i2vda_mmseg.ops import resize_flow

from .multi_level import MultiLevelEncoderDecoder

_PARTS = (3, 3, 2)  # channels of the current frame, the previous frame and the flow


class TwoFrameLogits(NamedTuple):
    """What the network makes of two frames, (N, C, h, w) each: fused predictions, and those of either frame alone."""

    main: Tensor
    aux: Tensor
    current_main: Tensor
    current_aux: Tensor
    previous_main: Tensor
    previous_aux: Tensor


@MODELS.register_module()
class TwoFrameEncoderDecoder(MultiLevelEncoderDecoder):
    """The network of DA-VSN and TPS (after Accel, Jain et al., CVPR 2019): two frames and the flow between them.

    Both frames pass through the same ``MultiLevelEncoderDecoder``, the previous one without gradient. Its logits are
    moved to the current frame at the size of the feature maps, and a 1x1 convolution without bias, ``sf_layer``, fuses
    the two: C channels of the current frame beside C of the previous one give C. Both heads share it. It starts as the
    identity on the current frame and zero on the previous one, so that a network begins as the single-frame network of
    the same weights; a checkpoint of such a network may initialise it.

    Inputs are one tensor, so that every mode of mmseg works: (N, 8, H, W) made by ``stack_frames``, or (N, 3, H, W) for
    the logits of a single frame without fusion.

    Args:
        propagation: Config of what moves the logits, a module ``(previous (N, C, h, w), flow (N, 2, h, w)) -> moved``
            with the flow from the current frame to the previous one in pixels of the logits' grid.
        **kwargs: Those of ``MultiLevelEncoderDecoder``.
    """

    ADVICE: ClassVar[str] = (
        "DA-VSN and TPS learn from two heads: give it one on an earlier feature map, such as dict(type='DLV2Head', "
        'in_channels=1024, in_index=2, num_classes=15) on a ResNet-101'
    )

    def __init__(self, propagation: dict, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.propagation = MODELS.build(propagation)
        self.sf_layer = nn.Conv2d(2 * self.num_classes, self.num_classes, 1, bias=False)
        with torch.no_grad():
            self.sf_layer.weight.copy_(torch.eye(self.num_classes, 2 * self.num_classes)[..., None, None])

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> tuple[Tensor, ...]:
        """Give the logits of both heads: ``TwoFrameLogits`` of two frames, plain ``(main, aux)`` of one."""
        if inputs.shape[1] != sum(_PARTS):
            # DDP wants a gradient for every parameter from every pass, and this one leaves the fusion out.
            unused = 0 * self.sf_layer.weight.sum()
            return tuple(logits + unused for logits in super()._forward(inputs))
        current, previous, flow = inputs.split(_PARTS, dim=1)
        levels = super()._forward(current)
        with torch.no_grad():
            previous_levels = super()._forward(previous)
        fused = [self._fused(logits, before, flow) for logits, before in zip(levels, previous_levels)]
        return TwoFrameLogits._make((*fused, *levels, *previous_levels))

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Give both heads' own losses of the fused predictions."""
        main, aux, *_ = self._forward(inputs)
        losses = add_prefix(self.decode_head.loss_by_feat(main, data_samples), 'decode')
        return losses | add_prefix(self.auxiliary_head.loss_by_feat(aux, data_samples), 'aux')

    def _fused(self, logits: Tensor, previous: Tensor, flow: Tensor) -> Tensor:
        moved = self.propagation(previous, resize_flow(flow, logits.shape[-2:]))
        return self.sf_layer(torch.cat((logits, moved), dim=1))

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict with the main head, at the image's size."""
        return self.decode_head.predict_by_feat(self._forward(inputs)[0], batch_img_metas)


def stack_frames(current: Tensor, previous: Tensor, flow: Tensor) -> Tensor:
    """Make the input of a ``TwoFrameEncoderDecoder``: (N, 8, H, W).

    Args:
        current: (N, 3, H, W), normalised.
        previous: (N, 3, H, W), normalised.
        flow: (N, 2, H, W), pixels, from the current frame to the previous one, on the current frame's grid.
    """
    return torch.cat((current, previous, flow), dim=1)
