"""Pairs of frames with labels, and pieces of them laid over others."""

from typing import NamedTuple

from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX, mixed, resize_labels

from .frame_fusion import resize_stack


class LabelledPairs(NamedTuple):
    """Pairs of frames with labels; as pieces cut out of such, the labels say where they are.

    Attributes:
        images: (N, 8, H, W), network input of two frames and the flow between them.
        labels: (N, H, W), int64, of the current frame; 255 where nothing is known, or nothing was cut out.
    """

    images: Tensor
    labels: Tensor

    def cut(self, chosen: Tensor) -> 'LabelledPairs':
        """Keep the pixels ``chosen`` (N, H, W), bool."""
        return LabelledPairs(self.images, self.labels.masked_fill(~chosen, IGNORE_INDEX))

    def under(self, pieces: 'LabelledPairs') -> 'LabelledPairs':
        """Lay pieces over, at the same places of both frames, the flow and the labels; brought to the size of these."""
        size = self.labels.shape[-2:]
        images, labels = resize_stack(pieces.images, size), resize_labels(pieces.labels, size)
        mask = labels != IGNORE_INDEX
        return LabelledPairs(mixed(mask, images, self.images), mixed(mask, labels, self.labels))

    def before(self) -> 'LabelledPairs':
        """Give each sample the one before it in the batch, the first the last."""
        return LabelledPairs(*(x.roll(1, dims=0) for x in self))
