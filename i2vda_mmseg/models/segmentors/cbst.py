"""CBST, class-balanced self-training."""

from collections.abc import Iterator
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX

from .source_only import SourceOnly
from .updates import SegmentorPass

AVERAGINGS = ('batch', 'domain')


@MODELS.register_module()
class CBST(SourceOnly):
    """Class-balanced self-training (Zou et al., ECCV 2018): source and pseudo-labelled target images, learnt alike.

    The first stage is ``SourceOnly``. Before each round ``ClassBalancedLabeller`` labels the target; then
    ``loss_target`` is added, the segmentor's own loss of the target image over its labelled pixels. The portion of
    labels grows from round to round.

    Source and target images are one batch: the loss is one mean over the pixels of both that have a label, as in the
    released code. Each term is logged as the mean over its own domain, and weighted by that domain's share of these
    pixels; in a run of several processes, each counts its own.

    One source and one target image make a batch; for what else differs from the released code see docs/methods.md.

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        averaging: 'batch': one mean over all labelled pixels. 'domain': the sum of the two domains' means, which makes
            a step about twice as long.
        **kwargs: Those of ``DomainAdaptiveSegmentor``.

    Raises:
        ValueError: If ``averaging`` is unknown.
    """

    def __init__(self, segmentor: dict, averaging: str = 'batch', **kwargs: Any) -> None:
        super().__init__(segmentor, **kwargs)
        if averaging not in AVERAGINGS:
            raise ValueError(f'averaging must be one of {AVERAGINGS}, got {averaging!r}')
        self.averaging = averaging

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: that of I^s and, once there are labels, that of the target image."""
        return 2 if 'labels' in batch['target'] else super().count_passes(batch)

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the pass of I^s and, once there are labels, that of the target image."""
        source, target = batch['source'], batch['target']
        if 'labels' not in target:
            self.loss_weights.update(self._with_heads(loss_seg=1.0))
            yield from super().segmentor_passes(batch)
            return
        self.loss_weights.update(self.domain_weights(source['labels'], target['labels']))
        learnt = self.supervised_source(source)
        yield SegmentorPass(learnt.losses, 'source', details=learnt.details)
        yield self.target_pass(target)

    def domain_weights(self, source_labels: Tensor, target_labels: Tensor) -> dict[str, Any]:
        """Weigh the terms of the domains, of labels (N, H, W), whose passes are back-propagated one after the other.

        Returns:
            The weight of each domain's mean cross entropy: its share of the labelled pixels, or 1.
        """
        if self.averaging == 'domain':
            return self._with_heads(loss_seg=1.0, loss_target=1.0)
        source, target = ((labels != IGNORE_INDEX).sum().double() for labels in (source_labels, target_labels))
        total = (source + target).clamp(min=1)  # where the labels are: nobody waits for it
        return self._with_heads(loss_seg=source / total, loss_target=target / total)

    def _with_heads(self, **weights: Any) -> dict[str, Any]:
        """Weigh the terms of auxiliary heads as those of the main head, times their own weight."""
        aux = self.lambda_seg_aux if len(self.levels) > 1 else 1.0
        return weights | {f'{name}_aux': aux * weight for name, weight in weights.items()}

    def target_pass(self, target: dict[str, Any]) -> SegmentorPass:
        """Learn from the pseudo-labels of the target images."""
        learnt = self.supervised(self.target_images(target), target['data_samples'], 'loss_target')
        return SegmentorPass(learnt.losses, 'target', details=learnt.details)
