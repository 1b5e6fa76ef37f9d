"""Alternating training of a segmentor M and a discriminator D, written once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.registry import MODELS
from torch import Tensor, nn

from .base import DomainAdaptiveSegmentor

SOURCE_LABEL = 0.0  # r of Eq. 11 and 12
TARGET_LABEL = 1.0  # f of Eq. 12


class AdversarialSegmentor(DomainAdaptiveSegmentor):
    """A segmentor whose target predictions learn to look like source predictions.

    ``train_step`` first updates M with D frozen, then D with M's detached predictions of the same iteration. A method
    over this class gives its passes of M, each with the ``prediction`` that D judges.

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        discriminator: Config of D.
        loss_gan: Config of the adversarial criterion, called as ``loss(scores, label)``.
        lambda_adv: Weight of ``loss_adv`` in M's total; 0.01 in the paper.
        **kwargs: Those of ``DomainAdaptiveSegmentor``.

    Raises:
        ValueError: If D takes another number of channels than there are classes.
    """

    discriminator: nn.Module

    def __init__(
        self,
        segmentor: dict,
        discriminator: dict,
        loss_gan: dict | None = None,
        lambda_adv: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, **kwargs)
        self.discriminator = MODELS.build(discriminator)
        if self.discriminator.in_channels != self.num_classes:
            raise ValueError(
                f'model.discriminator.in_channels is {self.discriminator.in_channels}, but the segmentor predicts '
                f'{self.num_classes} classes: the discriminator judges one channel a class'
            )
        self.loss_gan = MODELS.build(loss_gan or dict(type='LeastSquaresLoss'))
        self.lambda_adv = lambda_adv
        self.loss_weights['loss_adv'] = lambda_adv

    def train_step(self, data: dict[str, Any], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update M, then D; returns the logged terms."""
        batch = self.data_preprocessor(data, training=True)
        with frozen(self.discriminator):
            log_vars, predictions = self.update_segmentor(batch, optim_wrapper['segmentor'])
        log_vars['loss_dis'] = self.update_discriminator(predictions, optim_wrapper['discriminator'])
        return log_vars

    def update_discriminator(self, predictions: dict[str, list[Tensor]], optim_wrapper: OptimWrapper) -> Tensor:
        """Step D once on M's detached predictions; returns the detached loss."""
        with optim_wrapper.optim_context(self.discriminator):
            loss = self.loss_dis(predictions['source'], predictions['target'])
        optim_wrapper.update_params(loss)
        return loss.detach()

    def judged(self, logits: Tensor) -> Tensor:
        """Turn M's logits (N, C, H, W) into what D sees: their softmax."""
        return logits.softmax(dim=1)

    def loss_adv(self, prediction: Tensor) -> Tensor:
        """One term of Eq. 11: D should take a target prediction for a source one."""
        return self.loss_gan(self.discriminator(prediction), SOURCE_LABEL)

    def loss_dis(self, source: list[Tensor], target: list[Tensor]) -> Tensor:
        """Eq. 12: D tells source from target; each domain counts as the mean over its predictions."""
        loss_source = sum(self.loss_gan(self.discriminator(x), SOURCE_LABEL) for x in source) / len(source)
        loss_target = sum(self.loss_gan(self.discriminator(x), TARGET_LABEL) for x in target) / len(target)
        return loss_source + loss_target


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
