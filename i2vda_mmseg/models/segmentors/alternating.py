"""A discriminator D beside the segmentor M, and when each of the two steps: written once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.models.discriminators import DiscriminatorSet
from i2vda_mmseg.models.wrappers import apart, unwrapped

from .base import DomainAdaptiveSegmentor
from .levels import term

SOURCE_LABEL = 0.0  # r of Eq. 11 and 12
TARGET_LABEL = 1.0  # f of Eq. 12


class AlternatingSegmentor(DomainAdaptiveSegmentor):
    """A segmentor that is trained in turn with a discriminator, where the method has one.

    ``train_step`` first updates M with D frozen, then D with M's detached predictions of the same iteration. A method
    over this class gives its passes of M, those that D judges with their ``predictions``.

    Args:
        segmentor: Config of a segmentor.
        discriminator: Config of D; of a ``DiscriminatorSet`` where there are several levels to judge; None: no D.
        loss_gan: Config of the adversarial criterion, called as ``loss(scores, label)``; None: ``LeastSquaresLoss``.
        **kwargs: Those of ``DomainAdaptiveSegmentor``.

    Raises:
        ValueError: If D does not judge the levels that the method predicts, or takes another number of channels.
    """

    discriminator: nn.Module

    def __init__(
        self, segmentor: dict, discriminator: dict | None = None, loss_gan: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(segmentor, **kwargs)
        self.loss_gan = MODELS.build(loss_gan or dict(type='LeastSquaresLoss'))
        if discriminator is not None:
            self.discriminator = MODELS.build(discriminator)
            self._check_discriminator()

    @property
    def has_discriminator(self) -> bool:
        """Whether there is a D."""
        return 'discriminator' in self._modules

    def judged_channels(self) -> dict[str, int]:
        """Give the number of channels that D judges at each level: one a class."""
        return dict.fromkeys(self.levels, self.num_classes)

    def train_step(self, data: dict[str, Any], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update M, then D; returns the logged terms."""
        if not self.has_discriminator:
            return super().train_step(data, optim_wrapper)
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
