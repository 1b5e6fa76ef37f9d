"""Alternating training of a segmentor M and a discriminator D, written once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.models.discriminators import DiscriminatorSet
from i2vda_mmseg.models.wrappers import apart, unwrapped

from .base import DomainAdaptiveSegmentor
from .levels import term
from .updates import SegmentorPass

SOURCE_LABEL = 0.0  # r of Eq. 11 and 12
TARGET_LABEL = 1.0  # f of Eq. 12


class AdversarialSegmentor(DomainAdaptiveSegmentor):
    """A segmentor whose target predictions learn to look like source predictions.

    ``train_step`` first updates M with D frozen, then D with M's detached predictions of the same iteration. A method
    over this class gives its passes of M, each with the ``predictions`` that D judges.

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

    discriminator: nn.Module

    def __init__(
        self,
        segmentor: dict,
        discriminator: dict,
        loss_gan: dict | None = None,
        lambda_adv: float = 0.01,
        lambda_adv_aux: float = 0.0002,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, **kwargs)
        self.discriminator = MODELS.build(discriminator)
        self._check_discriminator()
        self.loss_gan = MODELS.build(loss_gan or dict(type='LeastSquaresLoss'))
        self.lambda_adv = lambda_adv
        self.lambda_adv_aux = lambda_adv_aux
        self.loss_weights.update(loss_adv=lambda_adv, loss_adv_aux=lambda_adv_aux)

    def judged_channels(self) -> dict[str, int]:
        """Give the number of channels that D judges at each level: one a class."""
        return dict.fromkeys(self.levels, self.num_classes)

    def train_step(self, data: dict[str, Any], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update M, then D; returns the logged terms."""
        batch = self.data_preprocessor(data, training=True)
        with frozen(self.discriminator), apart(self.discriminator):  # its wrapper would wait for gradients otherwise
            log_vars, predictions = self.update_segmentor(batch, optim_wrapper['segmentor'])
        log_vars.update(self.update_discriminator(predictions, optim_wrapper['discriminator']))
        return log_vars

    def update_discriminator(
        self, predictions: dict[str, list[dict[str, Tensor]]], optim_wrapper: OptimWrapper
    ) -> dict[str, Tensor]:
        """Step D once on M's detached predictions; returns the detached terms."""
        with optim_wrapper.optim_context(self.discriminator):
            losses = self.losses_dis(predictions['source'], predictions['target'])
        terms = {name: loss.detach() for name, loss in losses.items()}
        self.loss_terms.update(terms)
        optim_wrapper.update_params(self.weighted_sum(losses))
        return terms

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

    def scores(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Let D judge a prediction: raw scores by level, float32 whatever precision D computes in."""
        if isinstance(unwrapped(self.discriminator), DiscriminatorSet):
            scores = self.discriminator(predictions)
        else:
            scores = {level: self.discriminator(prediction) for level, prediction in predictions.items()}
        return {level: score.float() for level, score in scores.items()}

    def losses_adv(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """One term of Eq. 11 for each level: D should take a target prediction for a source one."""
        scores = self.scores(predictions)
        return {term('loss_adv', level): self.loss_gan(score, SOURCE_LABEL) for level, score in scores.items()}

    def losses_dis(self, source: list[dict[str, Tensor]], target: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Eq. 12 for each level: D tells source from target; each domain counts as the mean over its predictions."""
        losses: dict[str, Tensor] = {}
        for domain, label in ((source, SOURCE_LABEL), (target, TARGET_LABEL)):
            for predictions in domain:
                for level, score in self.scores(predictions).items():
                    name = term('loss_dis', level)
                    losses[name] = losses.get(name, 0) + self.loss_gan(score, label) / len(domain)
        return losses

    def _check_discriminator(self) -> None:
        several = isinstance(self.discriminator, DiscriminatorSet)
        members: Any = self.discriminator.members if several else {'main': self.discriminator}
        found = {level: member.in_channels for level, member in members.items()}
        expected = self.judged_channels()
        if set(found) != set(expected):
            raise ValueError(
                f'model.discriminator judges {sorted(found)}, but {type(self).__name__} predicts {sorted(expected)}: '
                "give dict(type='DiscriminatorSet', ...) one member for each, or a single one to a single head"
            )
        for level, channels in expected.items():
            if found[level] != channels:
                key = f'model.discriminator.{level}' if several else 'model.discriminator'
                raise ValueError(
                    f'{key}.in_channels is {found[level]}, but it judges {channels} channels '
                    f'({self.num_classes} classes)'
                )


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Take ``requires_grad`` off the parameters of ``module``, and restore it whatever happens."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    try:
        for parameter in parameters:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
