"""Pseudo-labels of a frame, judged by those of the frame before."""

import torch
from torch import Tensor

from .warp import warp

REFINEMENTS = ('consistency', 'max_confidence', 'warp')


def refined_labels(
    probs: Tensor, previous: Tensor, flow_10: Tensor, visible: Tensor, mode: str = 'consistency'
) -> tuple[Tensor, Tensor]:
    """Let the prediction of the previous frame, moved along the flow, have a say in the labels of the current one.

    The three ways of UnifiedVideoDA (Kareer et al., TMLR 2024), with a validity mask that knows occlusion:

    - 'consistency': the current labels, kept where the moved ones are the same and the pixel is visible in both
    - 'max_confidence': whichever is surer; the current one where the pixel is not visible in both; all are kept
    - 'warp': the moved ones; the current one where the pixel is not visible in both; all are kept

    Args:
        probs: (N, C, H, W), softmax of the current frame.
        previous: (N, C, H, W), softmax of the previous frame, on its own grid.
        flow_10: (N, 2, H, W), pixels, from the current frame to the previous one.
        visible: (N, H, W), bool, on the current grid.
        mode: One of the three.

    Returns:
        Labels (N, H, W), int64, and where they are kept, (N, H, W), bool.

    Raises:
        ValueError: If ``mode`` is unknown.

    Example:
        >>> now, before = torch.tensor([[[[0.6]], [[0.4]]]]), torch.tensor([[[[0.1]], [[0.9]]]])
        >>> still, seen = torch.zeros(1, 2, 1, 1), torch.ones(1, 1, 1, dtype=torch.bool)
        >>> [refined_labels(now, before, still, seen, mode) for mode in ('consistency', 'max_confidence')]
        [(tensor([[[0]]]), tensor([[[False]]])), (tensor([[[1]]]), tensor([[[True]]]))]
    """
    if mode not in REFINEMENTS:
        raise ValueError(f'mode must be one of {REFINEMENTS}, got {mode!r}')
    confidence, labels = probs.max(dim=1)
    moved_confidence, moved = warp(previous, flow_10).max(dim=1)
    if mode == 'consistency':
        return labels, visible & (moved == labels)
    replaced = visible if mode == 'warp' else visible & (moved_confidence > confidence)
    return torch.where(replaced, moved, labels), torch.ones_like(visible)
