"""Forward-backward consistency of two flows, Eq. 7."""

import torch
from torch import Tensor

from .warp import check_flow, warp


def consistency_mask(flow_01: Tensor, flow_10: Tensor, eta: float = 1.0, frame: str = '1') -> Tensor:
    """Compute the validity mask O of Eq. 7: True where going there and back ends within ``eta`` pixels.

    The paper calls O the occlusion region, yet keeps the pixels where O = 1 (Eq. 8): it is a validity mask. Eq. 7 as
    printed lives on frame 0's grid although it masks a prediction of frame 1; ``frame='1'`` is the same test on the
    grid where it is used.

    Convention:
        - ``frame='1'``: ``|| W(flow_01, flow_10) + flow_10 ||_2 < eta`` on frame 1's grid
        - ``frame='0'``: ``|| W(flow_10, flow_01) + flow_01 ||_2 < eta`` on frame 0's grid, as printed
        - flows in pixels; samples outside the frame take the border value; no term for leaving the frame
        - True = keep

    Args:
        flow_01: (N, 2, H, W), pixels, on frame 0's grid.
        flow_10: (N, 2, H, W), pixels, on frame 1's grid.
        eta: Threshold in pixels.
        frame: '1' or '0', the grid of the mask.

    Returns:
        (N, H, W), bool.

    Raises:
        TypeError: If a flow is not floating point.
        ValueError: If the shapes differ or ``frame`` is unknown.

    Example:
        >>> right = torch.tensor([1., 0.]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
        >>> consistency_mask(right, -right)
        tensor([[[True, True, True]]])
    """
    check_flow(flow_01)
    check_flow(flow_10)
    if flow_01.shape != flow_10.shape:
        raise ValueError(f'the flows differ in shape: {tuple(flow_01.shape)} and {tuple(flow_10.shape)}')
    if frame not in ('0', '1'):
        raise ValueError(f"frame must be '0' or '1', got {frame!r}")
    there, back = (flow_10, flow_01) if frame == '1' else (flow_01, flow_10)
    dtype = torch.promote_types(there.dtype, torch.float32)
    there, back = there.to(dtype), back.to(dtype)
    # not torch.linalg.vector_norm, which takes a hundred times as long over two channels on a CPU
    return (warp(back, there) + there).square().sum(dim=1).sqrt() < eta
