"""Source only, the lower bound of Tables 1 and 2."""

from collections.abc import Iterator
from typing import Any

import torch
from mmseg.registry import MODELS

from .base import DomainAdaptiveSegmentor, SegmentorPass


@MODELS.register_module()
class SourceOnly(DomainAdaptiveSegmentor):
    """Cross entropy on labelled source images, Eq. 10.

    With ``batch_statistics='target'`` a target frame passes through M without gradient or loss, so that the running
    statistics are the target's, as they then are in every other method.
    """

    multi_level = True

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the pass of I^s."""
        levels = self.source_level_logits(batch['source']['inputs'])
        yield SegmentorPass(self.losses_seg(levels, batch['source']['labels']), 'source')
        if self.batch_statistics == 'target':
            with torch.no_grad():
                self.segmentor(self.target_images(batch['target']), mode='tensor')
