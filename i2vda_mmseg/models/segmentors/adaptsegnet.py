"""AdaptSegNet, the baseline of Table 3."""

from collections.abc import Iterator
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from .adversarial import AdversarialSegmentor
from .base import SegmentorPass


@MODELS.register_module()
class AdaptSegNet(AdversarialSegmentor):
    """Adversarial adaptation of the output space (Tsai et al., CVPR 2018), single level, least squares.

    The target image is I_1, the frame that Cityscapes labels, as in the released image lists. The discriminator's two
    terms weigh 1/2 each, as in the released code.
    """

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of I^s and of the target image."""
        source = batch['source']
        logits = self.source_logits(source['inputs'])
        yield SegmentorPass(dict(loss_seg=self.loss_seg(logits, source['labels'])), 'source', self.judged(logits))
        prediction = self.judged(self.logits(self.data_preprocessor.normalize(batch['target']['frames'][:, 1])))
        yield SegmentorPass(dict(loss_adv=self.loss_adv(prediction)), 'target', prediction)

    def loss_dis(self, source: list[Tensor], target: list[Tensor]) -> Tensor:
        """Halve the sum of both domains' terms."""
        return super().loss_dis(source, target) / 2
