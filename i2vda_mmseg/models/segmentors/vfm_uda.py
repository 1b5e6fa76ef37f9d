"""VFM-UDA, self-training of a vision foundation model."""

from typing import Any

import torch
from mmseg.registry import MODELS, TRANSFORMS
from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX

from .mic import MIC
from .supervision import Supervision


@MODELS.register_module()
class VFMUDA(MIC):
    """Self-training of DINOv2 with a light head (Englert et al., CVPRW 2024), on any vision transformer.

    Beside MIC: tokens are hidden in place of pixels; the pseudo-labels are those of the mean of the teacher's
    probabilities of an image and of its mirror image; source images, and target images to mix, get weak colour changes
    of their own; no feature distance, unless ``thing_classes`` are given. Of mixed images the loss is the mean over all
    pixels, ignored ones counted, of the source that over its labelled ones: leave ``loss_decode.avg_non_ignore=True``.

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        mask_block: As of ``MIC``.
        weak_augmentation: Config of the transform of source images, and of targets to mix; None: none.
        **kwargs: Those of ``MIC``.
    """

    def __init__(
        self, segmentor: dict, mask_block: int | str = 'token', weak_augmentation: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(segmentor, mask_block=mask_block, **kwargs)
        self.weak_augmentation = None if weak_augmentation is None else TRANSFORMS.build(weak_augmentation)

    def supervised_source(self, source: dict[str, Any], images: Tensor | None = None) -> Supervision:
        """Learn from the labels of weakly augmented source images."""
        return super().supervised_source(source, self._weakened(source['inputs'] if images is None else images))

    def images_to_mix(self, target: dict[str, Any]) -> Tensor:
        """Give weakly augmented target images."""
        return self._weakened(super().images_to_mix(target))

    def supervised_target(self, images: Tensor, labels: Tensor, weights: Tensor, name: str) -> Supervision:
        """Learn weighted labels, averaged over all pixels."""
        labelled = (labels != IGNORE_INDEX).to(weights.dtype).mean()
        return super().supervised_target(images, labels, weights * labelled, name)

    @torch.no_grad()
    def teacher_probs(self, images: Tensor) -> Tensor:
        """Average the probabilities of images and of their mirror images."""
        mirrored = super().teacher_probs(images.flip(3)).flip(3)
        return (super().teacher_probs(images) + mirrored) / 2

    @torch.no_grad()
    def _weakened(self, images: Tensor) -> Tensor:
        return images if self.weak_augmentation is None else self.changed(self.weak_augmentation, images)

    def changed_frames(self, transform: Any, images: Tensor) -> Tensor:
        """Apply a transform of frames to network input (N, 3, H, W), to each image for itself."""
        return torch.cat([super(VFMUDA, self).changed_frames(transform, image[None]) for image in images])
