"""Pseudo-labels of the next frame, Eq. 6-8."""

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX, consistency_mask, most_likely, normalized_entropy


@MODELS.register_module()
class OcclusionAwarePseudoLabelHead(BaseModule):
    """Turn the proxy network's prediction for I_1 into the rectified pseudo-label PL of Eq. 8.

    ``PL = argmax P_1 where E < delta and O = 1, else ignored``, with the entropy map E of Eq. 6 and the validity mask O
    of Eq. 7. The paper prints delta = 0.8 below Eq. 8 but reports its results with 0.3 (Table 5), the default here.

    Args:
        delta: Entropy threshold in [0, 1]; Table 5.
        eta: Threshold of Eq. 7 in pixels; Table 5.
        frame: Grid of Eq. 7: '1' where the mask is used, '0' as printed.
        use_entropy: False for the row "w/o Entropy Map E" of Table 3.
        use_occlusion: False for the row "w/o Occlusion O" of Table 3.

    Raises:
        ValueError: If ``frame`` is unknown or ``eta`` or ``delta`` is negative.

    Example:
        >>> head = OcclusionAwarePseudoLabelHead()
        >>> certain = torch.tensor([9.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
        >>> still = torch.zeros(1, 2, 1, 3)
        >>> head(certain, still, still)
        tensor([[[0, 0, 0]]])
    """

    def __init__(
        self,
        delta: float = 0.3,
        eta: float = 1.0,
        frame: str = '1',
        use_entropy: bool = True,
        use_occlusion: bool = True,
    ) -> None:
        super().__init__()
        if frame not in ('0', '1'):
            raise ValueError(f"frame must be '0' or '1', got {frame!r}")
        if delta < 0 or eta < 0:
            raise ValueError(f'delta and eta must not be negative, got delta={delta}, eta={eta}')
        self.delta = delta
        self.eta = eta
        self.frame = frame
        self.use_entropy = use_entropy
        self.use_occlusion = use_occlusion

    @torch.no_grad()
    def forward(self, logits_1: Tensor, flow_01: Tensor, flow_10: Tensor) -> Tensor:
        """Compute PL of Eq. 8: (N, H, W), int64, classes and 255 where ignored.

        Args:
            logits_1: (N, C, H, W), the proxy network's logits for I_1 at the image's size.
            flow_01: (N, 2, H, W), pixels, on frame 0's grid.
            flow_10: (N, 2, H, W), pixels, on frame 1's grid.

        Raises:
            ValueError: If the logits and the flows differ in N, H or W.
        """
        if logits_1.shape[::2] + logits_1.shape[3:] != flow_10.shape[::2] + flow_10.shape[3:]:
            raise ValueError(
                'logits and flows must agree in N, H and W (upsample the logits to the image first): got '
                f'{tuple(logits_1.shape)} and {tuple(flow_10.shape)}'
            )
        labels = most_likely(logits_1)
        if self.use_entropy:
            labels[~(normalized_entropy(logits_1) < self.delta)] = IGNORE_INDEX
        if self.use_occlusion:
            labels[~self.validity(flow_01, flow_10)] = IGNORE_INDEX
        return labels

    def validity(self, flow_01: Tensor, flow_10: Tensor) -> Tensor:
        """Compute the mask O of Eq. 7, (N, H, W) bool, True = keep."""
        return consistency_mask(flow_01, flow_10, eta=self.eta, frame=self.frame)
