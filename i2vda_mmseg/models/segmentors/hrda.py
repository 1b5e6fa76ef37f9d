"""HRDA, context and detail in self-training."""

from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.errors import ConfigError

from .daformer import DAFormer
from .hrda_encoder_decoder import HRDAEncoderDecoder


@MODELS.register_module()
class HRDA(DAFormer):
    """DAFormer's training of a network that sees context and details (Hoyer et al., ECCV 2022).

    All that is HRDA's is in the network, ``HRDAEncoderDecoder``: each pass of the student, of source and mixed images,
    draws a detail of its own, and the teacher sees all of them. The feature distance is that of the context.

    Args:
        segmentor: Config of a ``HRDAEncoderDecoder``.
        **kwargs: Those of ``DAFormer``.

    Raises:
        ConfigError: If the segmentor is of another kind.
    """

    def _check_levels(self, network: nn.Module) -> None:
        super()._check_levels(network)
        if not isinstance(network, HRDAEncoderDecoder):
            raise ConfigError(
                f"model.segmentor.type: HRDA needs a 'HRDAEncoderDecoder', which sees context and details, got "
                f'{type(network).__name__!r}'
            )
