"""HRDA's network, whose logits of two frames are fused."""

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.ops.multi_resolution import Box

from .frame_fusion import FrameFusion, is_pair, split_frames
from .hrda_encoder_decoder import HRDAEncoderDecoder


@MODELS.register_module()
class AccelHRDAEncoderDecoder(FrameFusion, HRDAEncoderDecoder):
    """A ``HRDAEncoderDecoder`` whose logits of two frames are fused (``FrameFusion``).

    In training both frames are seen with the same detail. Two predictions are fused, by the same convolution: that of
    context and detail together, along the flow, and that of the detail alone, along the part of the flow that lies in
    its box. Teacher and tests fuse the predictions that the windows of each frame give.

    Args:
        propagation: Config of what moves the logits of the previous frame.
        **kwargs: Those of ``HRDAEncoderDecoder``.
    """

    def __init__(self, propagation: dict, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_fusion(propagation)

    def logits_in_box(self, inputs: Tensor, box: Box) -> tuple[Tensor, Tensor]:
        """Predict with a detail: the whole, and the detail alone; of two frames both fused."""
        if not is_pair(inputs):
            whole, detail = super().logits_in_box(inputs, box)
            return self.alone(whole), detail
        current, previous, flow = split_frames(inputs)
        whole, detail = super().logits_in_box(current, box)
        with torch.no_grad():
            whole_before, detail_before = super().logits_in_box(previous, box)
        return self.fused(whole, whole_before, flow), self.fused(detail, detail_before, box.cut(flow))

    def logits_in_windows(self, inputs: Tensor) -> Tensor:
        """Predict with details everywhere; of two frames fused."""
        if not is_pair(inputs):
            return self.alone(super().logits_in_windows(inputs))
        current, previous, flow = split_frames(inputs)
        logits = super().logits_in_windows(current)
        with torch.no_grad():
            before = super().logits_in_windows(previous)
        return self.fused(logits, before, flow)
