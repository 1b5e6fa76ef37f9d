"""A network of single frames whose logits of two frames are fused."""

from typing import Any

import torch
from mmseg.models import EncoderDecoder
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.utils import add_prefix
from torch import Tensor

from i2vda_mmseg.errors import ConfigError

from .frame_fusion import FrameFusion, is_pair, split_frames


@MODELS.register_module()
class AccelEncoderDecoder(FrameFusion, EncoderDecoder):
    """An ``EncoderDecoder`` whose logits of two frames are fused (``FrameFusion``).

    Auxiliary heads learn from the current frame.

    Args:
        propagation: Config of what moves the logits of the previous frame.
        **kwargs: Those of ``EncoderDecoder``.

    Raises:
        ConfigError: If the head does not learn and predict from one map of logits.
    """

    predicts_densely = True

    def __init__(self, propagation: dict, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        head: Any = type(self.decode_head)
        if not issubclass(head, BaseDecodeHead) or head.loss_by_feat is not BaseDecodeHead.loss_by_feat:
            raise ConfigError(
                f'model.segmentor.decode_head.type: AccelEncoderDecoder fuses maps of logits, and {head.__name__} '
                'learns from something else; take a head such as DLV2Head, SegformerHead or DAFormerHead'
            )
        self.add_fusion(propagation)

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        """Give the logits: of two frames fused, of one frame its own."""
        return self._predicted(inputs)[0]

    def _predicted(self, inputs: Tensor) -> tuple[Tensor, Any]:
        """Give the logits, and the features of the current frame."""
        current, *others = split_frames(inputs) if is_pair(inputs) else (inputs,)
        features = self.extract_feat(current)
        logits = self.decode_head(features)
        if not others:
            return self.alone(logits), features
        previous, flow = others
        with torch.no_grad():
            before = self.decode_head(self.extract_feat(previous))
        return self.fused(logits, before, flow), features

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Give the losses of the fused prediction, and those of the auxiliary heads."""
        logits, features = self._predicted(inputs)
        losses = add_prefix(self.decode_head.loss_by_feat(logits, data_samples), 'decode')
        if self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(features, data_samples))
        return losses

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict at the image's size."""
        return self.decode_head.predict_by_feat(self._forward(inputs), batch_img_metas)
