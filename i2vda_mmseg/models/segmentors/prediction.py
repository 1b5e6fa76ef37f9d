"""How a method predicts with M and reads its target."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import upsample

from .dense_prediction import logits_at_test_time
from .frame_fusion import FrameFusion
from .levels import by_level


class PredictionMixin(nn.Module):
    """Give a method the predictions of its ``segmentor``, M, at the sizes that it needs, in float32.

    Attributes:
        takes_pairs: Whether the method feeds a network that fuses two frames.
    """

    takes_pairs: ClassVar[bool] = False

    segmentor: nn.Module
    data_preprocessor: Any
    align_corners: bool

    @property
    def fuses_frames(self) -> bool:
        """Whether M predicts from two frames and the flow between them."""
        return isinstance(unwrapped(self.segmentor), FrameFusion)

    def target_images(self, target: dict[str, Any]) -> Tensor:
        """Give what a method of single frames sees of a target batch: the last frame, to which pseudo-labels belong.

        Args:
            target: ``dict(frames=(N, T, 3, H, W), ...)``, RGB 0..255, in order of time.

        Returns:
            (N, 3, H, W), network input.
        """
        return self.data_preprocessor.normalize(target['frames'][:, -1])

    def level_logits(self, images: Tensor) -> dict[str, Tensor]:
        """Predict with M: (N, 3, H, W) network input to (N, C, H, W) logits at the image's size, by level."""
        return {level: self.upsampled(logits, images) for level, logits in self.coarse_logits(images).items()}

    def coarse_logits(self, images: Tensor) -> dict[str, Tensor]:
        """Predict with M: float32 logits at the size of the feature maps, by level."""
        return {level: logits.float() for level, logits in by_level(self.segmentor(images, mode='tensor')).items()}

    def upsampled(self, logits: Tensor, images: Tensor) -> Tensor:
        """Resize logits to the images' size, in float32 whatever precision the network computes in."""
        return upsample(logits.float(), images.shape[-2:], self.align_corners)

    def logits(self, images: Tensor) -> Tensor:
        """Predict with the main head of M alone."""
        return self.level_logits(images)['main']

    def predicted_logits(self, images: Tensor) -> Tensor:
        """Predict with M as in its tests, whole or by sliding windows: (N, 3, H, W) to (N, C, H, W) logits."""
        return self.upsampled(logits_at_test_time(unwrapped(self.segmentor), images), images)

    @torch.no_grad()
    def see_target(self, target: dict[str, Any]) -> None:
        """Let the target frames pass through M, so that the running statistics of its batch norms are theirs."""
        self.segmentor(self.target_images(target), mode='tensor')
