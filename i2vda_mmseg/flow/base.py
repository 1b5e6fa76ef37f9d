"""One interface for every optical-flow estimator: frames in, flow out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FlowEstimator(nn.Module, ABC):
    """The F of Eq. 1 and 5: a frozen estimator ``estimator(frame_a, frame_b) -> flow_ab``.

    Always in eval mode, never differentiated, and never part of a checkpoint, an optimizer or a DDP wrapper: whoever
    holds one leaves its keys out of ``state_dict``.

    Convention:
        ``flow_ab`` lives on frame a's grid and says where each of its pixels is in frame b, in pixels, channel 0 to
        the right, channel 1 down: ``warp(frame_b, flow_ab)`` looks like ``frame_a``.

    Args:
        size_divisor: Height and width handed to the network are padded (by repeating the border, right and below) to
            multiples of this number, and the flow is cropped back.
        min_size: Smallest height and width handed to the network, in pixels.

    Attributes:
        in_workers: Whether its own work, apart from that of an ``online`` estimator, suits a data worker: it is done on
            the CPU in one thread.
    """

    in_workers: ClassVar[bool] = False

    def __init__(self, size_divisor: int = 1, min_size: int = 1) -> None:
        super().__init__()
        self.size_divisor = size_divisor
        self.min_size = min_size
        self.training = False

    @abstractmethod
    def estimate(self, frame_a: Tensor, frame_b: Tensor, keys: Sequence[tuple[str, str]] | None) -> Tensor:
        """Compute ``flow_ab`` (N, 2, H, W) of padded frames; see ``forward``."""

    # not inference_mode: its tensors cannot be saved for the backward pass of Eq. 4 and 9
    @torch.no_grad()
    def forward(self, frame_a: Tensor, frame_b: Tensor, keys: Sequence[tuple[str, str]] | None = None) -> Tensor:
        """Estimate the flow from frame a to frame b: (N, 2, H, W), float32, pixels, on the frames' device.

        Args:
            frame_a: (N, 3, H, W), RGB in 0..255, any dtype.
            frame_b: (N, 3, H, W).
            keys: One ``(id_a, id_b)`` a sample, the frames' paths relative to the data root; needed by estimators that
                look flow up, ignored by the others.

        Raises:
            ValueError: If the frames differ in shape or are not (N, 3, H, W).
        """
        if frame_a.ndim != 4 or frame_a.shape[1] != 3 or frame_a.shape != frame_b.shape:
            raise ValueError(
                'a flow estimator takes two frames of the shape (N, 3, H, W), '
                f'got {tuple(frame_a.shape)} and {tuple(frame_b.shape)}'
            )
        self.eval()  # what a subclass added to itself was born in training mode
        height, width = frame_a.shape[-2:]
        # half precision would round the flow itself: a field of 100 px to half a pixel
        with torch.autocast(frame_a.device.type, enabled=False):
            flow = self.estimate(self._pad(frame_a), self._pad(frame_b), keys)
        return flow[..., :height, :width].float()

    def check_available(self) -> None:
        """Raise what keeps the estimator from running, where something does: asked before a training starts."""

    def train(self, mode: bool = True) -> 'FlowEstimator':
        """Stay in eval mode, whatever the model around it does."""
        return super().train(False)

    def _pad(self, frame: Tensor) -> Tensor:
        height, width = frame.shape[-2:]
        right, bottom = self._padded(width) - width, self._padded(height) - height
        frame = frame.float()  # whatever they are read as, estimators compute in float32
        return F.pad(frame, (0, right, 0, bottom), mode='replicate') if right or bottom else frame

    def _padded(self, size: int) -> int:
        return -(-max(size, self.min_size) // self.size_divisor) * self.size_divisor
