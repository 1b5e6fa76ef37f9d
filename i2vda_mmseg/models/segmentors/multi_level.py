"""A segmentor that predicts from two feature maps."""

from typing import Any, ClassVar

from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError


@MODELS.register_module()
class MultiLevelEncoderDecoder(EncoderDecoder):
    """An ``EncoderDecoder`` whose auxiliary head predicts as well, to be judged as in AdaptSegNet and ADVENT.

    In mode 'tensor' it returns the logits of both heads, ``(main, aux)``; it predicts with the main head alone. The
    auxiliary heads of a plain ``EncoderDecoder`` only learn. Its weights are those of a stock ``EncoderDecoder`` with
    the same ``auxiliary_head``.

    Args:
        **kwargs: Those of ``EncoderDecoder``, with one ``auxiliary_head``.

    Raises:
        ConfigError: If there is no auxiliary head, or more than one.
    """

    judges_auxiliary_head = True
    ADVICE: ClassVar[str] = 'Without one, use EncoderDecoder'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not self.with_auxiliary_head or isinstance(self.auxiliary_head, nn.ModuleList):
            raise ConfigError(
                f'model.segmentor.auxiliary_head: {type(self).__name__} takes exactly one, as a dict. {self.ADVICE}'
            )

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> tuple[Tensor, ...]:
        """Give the logits of the main and of the auxiliary head, each at its feature map's size."""
        features = self.extract_feat(inputs)
        return self.decode_head(features), self.auxiliary_head(features)
