"""A segmentor that looks at the frame before as well."""

from typing import Any, ClassVar, NamedTuple

import torch
from mmseg.registry import MODELS
from mmseg.utils import add_prefix
from torch import Tensor

from .frame_fusion import FrameFusion, is_pair, split_frames
from .multi_level import MultiLevelEncoderDecoder


class TwoFrameLogits(NamedTuple):
    """What the network makes of two frames, (N, C, h, w) each: fused predictions, and those of either frame alone."""

    main: Tensor
    aux: Tensor
    current_main: Tensor
    current_aux: Tensor
    previous_main: Tensor
    previous_aux: Tensor


@MODELS.register_module()
class TwoFrameEncoderDecoder(FrameFusion, MultiLevelEncoderDecoder):
    """The network of DA-VSN and TPS: the logits of two frames, fused for each of two heads (``FrameFusion``).

    Both heads share the fusion.

    Args:
        propagation: Config of what moves the logits of the previous frame.
        **kwargs: Those of ``MultiLevelEncoderDecoder``.
    """

    ADVICE: ClassVar[str] = (
        "DA-VSN and TPS learn from two heads: give it one on an earlier feature map, such as dict(type='DLV2Head', "
        'in_channels=1024, in_index=2, num_classes=15) on a ResNet-101'
    )

    def __init__(self, propagation: dict, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_fusion(propagation)

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> tuple[Tensor, ...]:
        """Give the logits of both heads: ``TwoFrameLogits`` of two frames, plain ``(main, aux)`` of one."""
        if not is_pair(inputs):
            return tuple(self.alone(logits) for logits in super()._forward(inputs))
        current, previous, flow = split_frames(inputs)
        levels = super()._forward(current)
        with torch.no_grad():
            previous_levels = super()._forward(previous)
        fused = [self.fused(logits, before, flow) for logits, before in zip(levels, previous_levels)]
        return TwoFrameLogits._make((*fused, *levels, *previous_levels))

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Give both heads' own losses of the fused predictions."""
        main, aux, *_ = self._forward(inputs)
        losses = add_prefix(self.decode_head.loss_by_feat(main, data_samples), 'decode')
        return losses | add_prefix(self.auxiliary_head.loss_by_feat(aux, data_samples), 'aux')

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict with the main head, at the image's size."""
        return self.decode_head.predict_by_feat(self._forward(inputs)[0], batch_img_metas)
