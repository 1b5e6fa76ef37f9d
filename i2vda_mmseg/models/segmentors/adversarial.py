"""What the methods share whose target predictions learn to look like source predictions."""

from typing import Any

import torch
from torch import Tensor

from .alternating import AlternatingSegmentor
from .updates import SegmentorPass


class AdversarialSegmentor(AlternatingSegmentor):
    """A segmentor whose target predictions learn to look like source predictions.

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        discriminator: Config of D; of a ``DiscriminatorSet`` where there are several levels to judge.
        loss_gan: Config of the adversarial criterion, called as ``loss(scores, label)``.
        lambda_adv: Weight of ``loss_adv`` in M's total; 0.01 in the paper.
        lambda_adv_aux: Weight of ``loss_adv_aux``, where there is an auxiliary head.
        **kwargs: Those of ``DomainAdaptiveSegmentor``.

    Raises:
        ValueError: If D does not judge the levels that the method predicts, or takes another number of channels.
    """

    def __init__(
        self,
        segmentor: dict,
        discriminator: dict,
        loss_gan: dict | None = None,
        lambda_adv: float = 0.01,
        lambda_adv_aux: float = 0.0002,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, discriminator, loss_gan, **kwargs)
        self.lambda_adv = lambda_adv
        self.lambda_adv_aux = lambda_adv_aux
        self.loss_weights.update(loss_adv=lambda_adv, loss_adv_aux=lambda_adv_aux)

    def judged(self, logits: Tensor) -> Tensor:
        """Turn M's logits (N, C, H, W) into what D sees: their softmax."""
        return logits.softmax(dim=1)

    def source_pass(self, source: dict[str, Any]) -> SegmentorPass:
        """Learn from the labels of a source batch (Eq. 10), with the predictions of the same pass for D."""
        supervision = self.supervised_source(source)
        with torch.no_grad():  # M does not learn from what D thinks of them
            levels = {level: self.upsampled(logits, source['inputs']) for level, logits in supervision.coarse().items()}
            predictions = self.judged_levels(levels)
        return SegmentorPass(supervision.losses, 'source', predictions, supervision.details)

    def judged_levels(self, levels: dict[str, Tensor]) -> dict[str, Tensor]:
        """Turn M's logits of each level into what D sees."""
        return {level: self.judged(logits) for level, logits in levels.items()}
