"""The fusion of two frames, for any network of single frames."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.ops import resize_flow, upsample

_PARTS = (3, 3, 2)  # channels of the current frame, the previous frame and the flow


class FrameFusion(nn.Module):
    """Lets a network of single frames fuse its logits of a frame and of the one before (Accel, Jain et al., CVPR 2019).

    Both frames pass through the same network, the previous one without gradient. Its logits are moved to the current
    frame at their own size, and a 1x1 convolution without bias, ``sf_layer``, fuses the two: C channels of the current
    frame beside C of the previous one give C. It starts as the identity on the current frame and zero on the previous
    one, so that a network begins as the single-frame network of the same weights; a checkpoint of such a network may
    initialise it.

    Inputs are one tensor, so that every mode of mmseg works: (N, 8, H, W) made by ``stack_frames``, or (N, 3, H, W) for
    the logits of a single frame without fusion. A subclass says what of its network is fused.

    Attributes:
        propagation: What moves the logits.
        sf_layer: The convolution.
    """

    num_classes: int
    decode_head: Any
    auxiliary_head: Any
    with_auxiliary_head: bool
    extract_feat: Callable[[Tensor], Any]
    _auxiliary_head_forward_train: Callable[[Any, list], dict[str, Tensor]]
    propagation: Any
    sf_layer: nn.Conv2d

    def add_fusion(self, propagation: dict) -> None:
        """Add both parts, when the network is there.

        Args:
            propagation: Config of a module ``(previous (N, C, h, w), flow (N, 2, h, w)) -> moved``, with the flow from
                the current frame to the previous one in pixels of the logits' grid.
        """
        self.propagation = MODELS.build(propagation)
        self.sf_layer = nn.Conv2d(2 * self.num_classes, self.num_classes, 1, bias=False)
        with torch.no_grad():
            self.sf_layer.weight.copy_(torch.eye(self.num_classes, 2 * self.num_classes)[..., None, None])

    def fused(self, logits: Tensor, previous: Tensor, flow: Tensor) -> Tensor:
        """Fuse logits with those of the previous frame.

        Args:
            logits: (N, C, h, w), of the current frame, or of a part of it.
            previous: (N, C, h, w), of the same part of the previous frame.
            flow: (N, 2, H, W), of that part, pixels of its own grid, from the current frame to the previous one.

        Returns:
            (N, C, h, w).
        """
        moved = self.propagation(previous, resize_flow(flow, logits.shape[-2:]))
        return self.sf_layer(torch.cat((logits, moved), dim=1))

    def alone(self, logits: Tensor) -> Tensor:
        """Give the logits of a frame by itself; for DDP wants a gradient for every parameter from every pass."""
        return logits + 0 * self.sf_layer.weight.sum()


def stack_frames(current: Tensor, previous: Tensor, flow: Tensor) -> Tensor:
    """Make the input of a network that fuses two frames: (N, 8, H, W).

    Args:
        current: (N, 3, H, W), normalised.
        previous: (N, 3, H, W), normalised.
        flow: (N, 2, H, W), pixels, from the current frame to the previous one, on the current frame's grid.
    """
    return torch.cat((current, previous, flow), dim=1)


def is_pair(inputs: Tensor) -> bool:
    """Whether this is what ``stack_frames`` made, and not a single frame."""
    return inputs.shape[1] == sum(_PARTS)


def split_frames(inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Take apart what ``stack_frames`` made: the current frame, the previous one and the flow."""
    current, previous, flow = inputs.split(_PARTS, dim=1)
    return current, previous, flow


def resize_stack(stack: Tensor, size: Sequence[int]) -> Tensor:
    """Bring what ``stack_frames`` has made to another size (H', W'): (N, 8, H', W')."""
    if tuple(stack.shape[-2:]) == tuple(size):
        return stack
    current, previous, flow = split_frames(stack)
    return stack_frames(upsample(current, size), upsample(previous, size), resize_flow(flow, size))
