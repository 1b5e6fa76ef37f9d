"""MIC, masked image consistency."""

from collections.abc import Iterator
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import visible_blocks

from .daformer import DAFormer
from .self_training import PseudoLabels
from .supervision import Supervision


@MODELS.register_module()
class MIC(DAFormer):
    """DAFormer's or HRDA's training with targets of which most is hidden (Hoyer et al., CVPR 2023).

    The student must give the whole pseudo-label, with the same weights, of a target image of which it sees some blocks
    only, ``loss_mask``; a hidden pixel has the mean colour. On a ``HRDAEncoderDecoder`` this is MIC (HRDA).

    Args:
        segmentor: Config of an ``EncoderDecoder`` or ``HRDAEncoderDecoder``.
        mask_block: Side of a block in pixels: 64 at full resolution, 32 at half.
        mask_ratio: Share of hidden blocks.
        mask_augmented: Whether the visible part is augmented as mixed images are, with draws of its own.
        lambda_mask: Weight of ``loss_mask``.
        **kwargs: Those of ``DAFormer``.

    Raises:
        ConfigError: If the ratio leaves [0, 1] or a block has no pixel.
    """

    def __init__(
        self,
        segmentor: dict,
        mask_block: int = 64,
        mask_ratio: float = 0.7,
        mask_augmented: bool = True,
        lambda_mask: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, **kwargs)
        if not 0 <= mask_ratio <= 1 or mask_block < 1:
            raise ConfigError(
                f'model.mask_ratio must lie in [0, 1] and model.mask_block be positive, got {mask_ratio}, {mask_block}'
            )
        self.mask_block = mask_block
        self.mask_ratio = mask_ratio
        self.mask_augmented = mask_augmented
        self.lambda_mask = lambda_mask
        self.loss_weights.update(loss_mask=lambda_mask, loss_mask_aux=lambda_mask)

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: one more, of the masked images."""
        return super().count_passes(batch) + 1

    def target_supervisions(self, batch: dict[str, Any], pseudo: PseudoLabels) -> Iterator[Supervision]:
        """Make the passes of the mixed and of the masked images."""
        yield from super().target_supervisions(batch, pseudo)
        images = self.masked(self.target_images(batch['target']))
        yield self.supervised_target(images, pseudo.labels, pseudo.weights, 'loss_mask')

    @torch.no_grad()
    def masked(self, images: Tensor) -> Tensor:
        """Hide blocks of network input (N, 3, H, W), of which 0 is the mean colour."""
        images = self.augmented(images) if self.mask_augmented else images
        height, width = images.shape[-2:]
        rows, columns = (max(1, round(side / self.mask_block)) for side in (height, width))
        numbers = torch.rand(len(images), rows, columns).to(images.device, non_blocking=True)
        return images * visible_blocks(numbers, (height, width), self.mask_ratio)
