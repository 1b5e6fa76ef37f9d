"""Pseudo-labels of a video, of which neighbouring frames must tell the same."""

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError, check_choice
from i2vda_mmseg.flow import build_flow_estimator
from i2vda_mmseg.ops import REFINEMENTS, consistency_mask, inside, refined_labels

from .frame_keys import flows_of_last_frames


@MODELS.register_module()
class PseudoLabelRefinement(nn.Module):
    """Judge a teacher's labels of a target frame by its prediction of the frame before (UnifiedVideoDA, TMLR 2024).

    ``model.refinement`` of a self-training method. The previous prediction is moved along the flow; a pixel counts as
    seen in both frames where going there and back ends within ``eta`` pixels (Eq. 7), and within the frame. The authors
    have no such check: they drop what does not move, what is reached twice, and the lowest rows.

    Args:
        flow_estimator: Config of a ``FlowEstimator``; None: that of the model, where it has one.
        mode: 'consistency', 'max_confidence' or 'warp', see ``ops.refined_labels``.
        eta: Threshold of Eq. 7 in pixels.

    Raises:
        ConfigError: If ``mode`` is unknown.
    """

    flow_estimator: Any

    def __init__(self, flow_estimator: dict | None = None, mode: str = 'consistency', eta: float = 1.0) -> None:
        super().__init__()
        check_choice('model.refinement.mode', mode, REFINEMENTS)
        self.flow_estimator = None if flow_estimator is None else build_flow_estimator(flow_estimator)
        self.mode = mode
        self.eta = eta

    def use_flow_of(self, model: Any) -> None:
        """Take the flow estimator of a model, where the config names none here.

        Raises:
            ConfigError: If the model has none either.
        """
        if self.flow_estimator is not None:
            return
        if getattr(model, 'flow_estimator', None) is None:
            raise ConfigError(
                "model.refinement.flow_estimator: missing; give one such as dict(type='DISFlow'), for "
                f'{type(model).__name__} has none that it could share'
            )
        self.flow_estimator = model.flow_estimator

    @torch.no_grad()
    def forward(self, probs: Tensor, previous: Tensor, target: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Refine the labels of the last frame of a target batch.

        Args:
            probs: (N, C, H, W), softmax of the last frame.
            previous: (N, C, H, W), softmax of the frame before.
            target: ``dict(frames=(N, T, 3, H, W), data_samples)``.

        Returns:
            Labels (N, H, W), int64, and where they are kept, (N, H, W), bool.
        """
        flow_01, flow_10 = flows_of_last_frames(self.flow_estimator, target)
        visible = consistency_mask(flow_01, flow_10, self.eta) & inside(flow_10)
        return refined_labels(probs, previous, flow_10, visible, self.mode)
