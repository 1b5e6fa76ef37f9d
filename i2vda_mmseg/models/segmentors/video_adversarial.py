"""A discriminator of two frames, beside methods that learn from something else as well."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from i2vda_mmseg.models.statistics import frozen_statistics
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import upsample

from .alternating import AlternatingSegmentor
from .frame_keys import last_frames, source_frames
from .hrda_encoder_decoder import HRDAEncoderDecoder, same_detail
from .updates import SegmentorPass


class VideoAdversarialSegmentor(AlternatingSegmentor):
    """A segmentor whose predictions of two target frames learn to look like those of two source frames.

    D judges the joint softmax over the 2C channels of the predictions of a frame and of the one before, each made by
    itself, as DA-VSN's and UnifiedVideoDA's (Kareer et al., TMLR 2024)::

        P_jt     = softmax(P_t beside P_{t-1})
        loss_adv = l(D(P_jt of the target), 0)
        loss_dis = (l(D(P_jt of the source), 0) + l(D(P_jt of the target), 1)) / 2

    M gets no gradient from the previous frame. Of a ``HRDAEncoderDecoder`` both frames are seen with the same detail,
    and judged at half the image's size. Without a ``discriminator`` there is none of this.

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        discriminator: Config of D, of twice as many channels as classes, or None.
        lambda_adv: Weight of ``loss_adv`` in M's total; 0.001 times 0.1 in the released code.
        lambda_dis: Weight of ``loss_dis`` in D's.
        **kwargs: Those of ``AlternatingSegmentor``.
    """

    def __init__(
        self,
        segmentor: dict,
        discriminator: dict | None = None,
        lambda_adv: float = 0.0001,
        lambda_dis: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, discriminator, **kwargs)
        self.lambda_adv = lambda_adv
        self.lambda_dis = lambda_dis
        self.loss_weights.update(loss_adv=lambda_adv, loss_dis=lambda_dis)

    def judged_channels(self) -> dict[str, int]:
        """Give the number of channels that D judges: two for each class."""
        return {level: 2 * channels for level, channels in super().judged_channels().items()}

    def losses_dis(self, source: list[dict[str, Tensor]], target: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Halve the sum of both domains' terms."""
        return {name: loss / 2 for name, loss in super().losses_dis(source, target).items()}

    @torch.no_grad()
    def source_predictions(self, source: dict[str, Any]) -> dict[str, Tensor] | None:
        """Predict both frames of a source batch for D, from which M learns nothing; None where there is no D."""
        if not self.has_discriminator:
            return None
        return self.judged_pair(source_frames(source, f'the discriminator of {type(self).__name__}'))

    def adversarial_passes(self, target: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the pass in which D judges both frames of a target batch, where there is a D."""
        if self.has_discriminator:
            predictions = self.judged_pair(target['frames'])
            yield SegmentorPass(self.losses_adv(predictions), 'target', predictions)

    def judged_pair(self, frames: Tensor) -> dict[str, Tensor]:
        """Predict the last two of frames (N, T, 3, H, W), RGB 0..255, each by itself, for D: (N, 2C, h, w) by level."""
        previous, images = map(self.data_preprocessor.normalize, last_frames(frames))
        network = unwrapped(self.segmentor)
        with frozen_statistics(self.segmentor, enabled=self.batch_statistics == 'target'), same_detail(network):
            now = self.coarse_logits(images)
            with torch.no_grad():
                before = self.coarse_logits(previous)
        size: Sequence[int] = images.shape[-2:]
        if isinstance(network, HRDAEncoderDecoder):
            size = network.context_size(size)
        return {level: joint_probabilities(now[level], before[level], size, self.align_corners) for level in now}


def joint_probabilities(now: Tensor, before: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Make what a discriminator of two frames judges: one softmax over the channels of both.

    Args:
        now: (N, C, h, w), logits of a frame.
        before: (N, C, h, w), logits of the frame before, or of whatever is judged beside it.
        size: (H, W) to which both are brought first.
        align_corners: How.

    Returns:
        (N, 2C, H, W), which sum to 1 over the channels.
    """
    both = [upsample(logits, size, align_corners) for logits in (now, before)]
    return torch.cat(both, dim=1).softmax(dim=1)
