"""What the methods share that look at two frames, in training and at test time."""

from typing import Any

from torch import nn

from i2vda_mmseg.errors import ConfigError

from .base import DomainAdaptiveSegmentor
from .frame_pairs import FramePairMixin
from .two_frame_encoder_decoder import TwoFrameEncoderDecoder


class TwoFrameSegmentor(FramePairMixin, DomainAdaptiveSegmentor):
    """A method over a ``TwoFrameEncoderDecoder``: each prediction uses the frame before and the flow to it.

    Args:
        segmentor: Config of a ``TwoFrameEncoderDecoder``.
        flow_estimator: Config of a ``FlowEstimator``; called with frame and previous frame, and with their keys.
        **kwargs: Those of ``DomainAdaptiveSegmentor``, or of the next class of a method that has another base as well.

    Raises:
        ConfigError: If the segmentor is of another kind.
    """

    multi_level = True
    sees_pairs = True

    def __init__(self, segmentor: dict, flow_estimator: dict, **kwargs: Any) -> None:
        super().__init__(segmentor, **kwargs)
        self.use_flow(flow_estimator)

    def _check_levels(self, network: nn.Module) -> None:
        super()._check_levels(network)
        if not isinstance(network, TwoFrameEncoderDecoder):
            raise ConfigError(
                f'model.segmentor.type: {type(self).__name__} needs a network for two frames, '
                f"'TwoFrameEncoderDecoder' with one auxiliary_head, got {type(network).__name__!r}"
            )
