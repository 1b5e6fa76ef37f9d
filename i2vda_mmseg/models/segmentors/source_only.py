"""Source only, the lower bound of Tables 1 and 2."""

from collections.abc import Iterator
from typing import Any

from mmseg.registry import MODELS

from .base import DomainAdaptiveSegmentor
from .updates import SegmentorPass


@MODELS.register_module()
class SourceOnly(DomainAdaptiveSegmentor):
    """The segmentor's own losses on labelled source images: cross entropy, Eq. 10.

    With ``batch_statistics='target'`` a target frame passes through M without gradient or loss, so that the running
    statistics are the target's, as they then are in every other method.
    """

    multi_level = True

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: that of I^s."""
        return 1

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the pass of I^s."""
        supervision = self.supervised_source(batch['source'])
        yield SegmentorPass(supervision.losses, 'source', details=supervision.details)
        if self.batch_statistics == 'target':
            self.see_target(batch['target'])
