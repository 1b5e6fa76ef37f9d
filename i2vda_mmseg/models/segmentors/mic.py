"""MIC, masked image consistency."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import visible_blocks

from .daformer import DAFormer
from .frame_fusion import is_pair, split_frames, stack_frames
from .hrda_encoder_decoder import HRDAEncoderDecoder
from .self_training import PseudoLabels
from .supervision import Supervision


@MODELS.register_module()
class MIC(DAFormer):
    """DAFormer's or HRDA's training with targets of which most is hidden (Hoyer et al., CVPR 2023).

    The student must give the whole pseudo-label, with the same weights, of a target image of which it sees some blocks
    only, ``loss_mask``; a hidden pixel has the mean colour. On a ``HRDAEncoderDecoder`` this is MIC (HRDA).

    Args:
        segmentor: Config of an ``EncoderDecoder`` or ``HRDAEncoderDecoder``.
        mask_block: Side of a block in pixels: 64 at full resolution, 32 at half. 'token': tokens of a transformer
            are hidden, for each of which its mask token stands (VFM-UDA).
        mask_ratio: Share of hidden blocks or tokens.
        mask_augmented: Whether the visible part is augmented as mixed images are, with draws of its own.
        lambda_mask: Weight of ``loss_mask``.
        **kwargs: Those of ``DAFormer``.

    Raises:
        ConfigError: If the ratio leaves [0, 1], a block has no pixel, or the backbone has no mask token.
    """

    def __init__(
        self,
        segmentor: dict,
        mask_block: int | str = 64,
        mask_ratio: float = 0.7,
        mask_augmented: bool = True,
        lambda_mask: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, **kwargs)
        if not 0 <= mask_ratio <= 1:
            raise ConfigError(f'model.mask_ratio must lie in [0, 1], got {mask_ratio}')
        self._check_block(mask_block)
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
        images = self.student_images(batch['target'])
        images = self.augmented(images) if self.mask_augmented else images
        if self.mask_block == 'token':
            backbone = unwrapped(self.segmentor).backbone
            hidden = self._numbers(images, backbone.grid(images.shape[-2:])) <= self.mask_ratio
            with backbone.hiding(hidden):
                yield self.supervised_target(images, pseudo.labels, pseudo.weights, 'loss_mask')
        else:
            yield self.supervised_target(self.masked(images), pseudo.labels, pseudo.weights, 'loss_mask')

    @torch.no_grad()
    def masked(self, images: Tensor) -> Tensor:
        """Hide blocks of network input (N, 3, H, W), of which 0 is the mean colour; of a pair in both frames alike."""
        height, width = images.shape[-2:]
        numbers = self._numbers(images, [max(1, round(side / int(self.mask_block))) for side in (height, width)])
        visible = visible_blocks(numbers, (height, width), self.mask_ratio)
        if not is_pair(images):
            return images * visible
        current, previous, flow = split_frames(images)
        return stack_frames(current * visible, previous * visible, flow)

    @staticmethod
    def _numbers(images: Tensor, grid: Sequence[int]) -> Tensor:
        """Draw a number for each cell of a grid of each image, on the CPU, whose generator training seeds."""
        return torch.rand(len(images), *grid).to(images.device, non_blocking=True)

    def _check_block(self, block: int | str) -> None:
        network: Any = unwrapped(self.segmentor)
        backbone = getattr(network, 'backbone', network)
        if block != 'token' and (isinstance(block, str) or block < 1):
            raise ConfigError(f"model.mask_block: must be pixels, at least 1, or 'token', got {block!r}")
        if block == 'token' and not getattr(backbone, 'has_mask_token', False):
            raise ConfigError(
                "model.mask_block: 'token' needs a vision transformer with a mask token, such as a HFBackbone with "
                f'DINOv2 or DINOv3, and {type(backbone).__name__} has none; give pixels instead'
            )
        if block == 'token' and isinstance(network, HRDAEncoderDecoder):
            raise ConfigError("model.mask_block: 'token' hides one grid, and HRDAEncoderDecoder sees an image on two")
