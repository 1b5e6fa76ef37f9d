"""CBST, class-balanced self-training."""

from collections.abc import Iterator
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from .base import SegmentorPass
from .source_only import SourceOnly


@MODELS.register_module()
class CBST(SourceOnly):
    """Class-balanced self-training (Zou et al., ECCV 2018): source and pseudo-labelled target images, learnt alike.

    The first stage is ``SourceOnly``. Before each round ``ClassBalancedLabeller`` labels the target; then
    ``loss_target`` is added, the cross entropy of the target image I_1 over its labelled pixels. The portion of labels
    grows from round to round.

    Against the released code of CRST, the basis of the settings: one source and one target image make a batch, instead
    of a shuffle of 3% of the source with all of the target; source images are not rescaled; the target list is that of
    the data set, not a list of 505 frames; prediction and training are at the size of the other methods, not at
    Cityscapes' own; there is no spatial prior.
    """

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the pass of I^s and, once there are labels, that of the target image."""
        target = batch['target']
        if 'labels' not in target:
            yield from super().segmentor_passes(batch)
            return
        source = batch['source']
        yield SegmentorPass(self.losses_seg(self.source_level_logits(source['inputs']), source['labels']), 'source')
        logits = self.logits(self.data_preprocessor.normalize(target['frames'][:, 1]))
        yield SegmentorPass(self.target_losses(logits, target), 'target')

    def target_losses(self, logits: Tensor, target: dict[str, Any]) -> dict[str, Tensor]:
        """Compare the target's logits (N, C, H, W) with its pseudo-labels."""
        return dict(loss_target=self.loss_seg(logits, target['labels']))
