"""MinEnt, direct minimisation of entropy."""

from collections.abc import Iterator
from typing import Any

from mmseg.registry import MODELS

from i2vda_mmseg.ops import normalized_entropy

from .base import DomainAdaptiveSegmentor
from .levels import term
from .updates import SegmentorPass


@MODELS.register_module()
class MinEnt(DomainAdaptiveSegmentor):
    """Entropy minimisation on the target (Vu et al., CVPR 2019), without a discriminator.

    The loss is ``loss_seg`` on the source plus ``lambda_ent`` times the mean of E (Eq. 6 here) over the pixels of the
    target image, for each head.

    Args:
        segmentor: Config of an ``EncoderDecoder`` or a ``MultiLevelEncoderDecoder``.
        lambda_ent: Weight of ``loss_ent``.
        lambda_ent_aux: Weight of ``loss_ent_aux``, where there is an auxiliary head.
        **kwargs: Those of ``DomainAdaptiveSegmentor``.
    """

    multi_level = True

    def __init__(
        self, segmentor: dict, lambda_ent: float = 0.001, lambda_ent_aux: float = 0.0002, **kwargs: Any
    ) -> None:
        super().__init__(segmentor, **kwargs)
        self.lambda_ent = lambda_ent
        self.lambda_ent_aux = lambda_ent_aux
        self.loss_weights.update(loss_ent=lambda_ent, loss_ent_aux=lambda_ent_aux)

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: one of each domain."""
        return 2

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of I^s and of the target image."""
        supervision = self.supervised_source(batch['source'])
        yield SegmentorPass(supervision.losses, 'source', details=supervision.details)
        levels = self.level_logits(self.target_images(batch['target']))
        losses = {term('loss_ent', level): normalized_entropy(logits).mean() for level, logits in levels.items()}
        yield SegmentorPass(losses, 'target')
