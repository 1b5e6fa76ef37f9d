"""AdaptSegNet, the baseline of Table 3."""

from collections.abc import Iterator
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from .adversarial import AdversarialSegmentor
from .updates import SegmentorPass


@MODELS.register_module()
class AdaptSegNet(AdversarialSegmentor):
    """Adversarial adaptation of the output space (Tsai et al., CVPR 2018).

    By default the single-level variant with least squares, from which the paper starts; with a
    ``MultiLevelEncoderDecoder``, a ``DiscriminatorSet`` and ``BinaryCrossEntropyLoss`` the multi-level original. The
    target image is I_1, the frame that Cityscapes labels, as in the released image lists. The discriminator's two
    terms weigh 1/2 each, as in the released code.
    """

    multi_level = True

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: one of each domain."""
        return 2

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of I^s and of the target image."""
        yield self.source_pass(batch['source'])
        target = self.target_images(batch['target'])
        predictions = self.judged_levels(self.level_logits(target))
        yield SegmentorPass(self.losses_adv(predictions), 'target', predictions)

    def losses_dis(self, source: list[dict[str, Tensor]], target: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Halve the sum of both domains' terms."""
        return {name: loss / 2 for name, loss in super().losses_dis(source, target).items()}
