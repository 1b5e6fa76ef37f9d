"""The intermediate frame, Eq. 2 and 3."""

from torch import Tensor

from .warp import unknown, warp


def interpolate_frame(
    frame_0: Tensor, frame_1: Tensor, flow_01: Tensor, flow_10: Tensor, t: float, alpha: float = 0.5
) -> Tensor:
    """Synthesise the frame I_t at a time t between two frames, Eq. 2 and 3.

    ``I_t = alpha W(I_0, t F_10) + (1 - alpha) W(I_1, (1 - t) F_01)``. Eq. 2 takes ``F_t0 ~ t F_10`` and
    ``F_t1 ~ (1 - t) F_01``: flows of the outer frames' grids stand in for flows on the grid of time t. There is no
    visibility term, and alpha does not depend on t.

    Convention:
        - flows in pixels, channel 0 to the right, channel 1 down; samples outside the frame take the border value
        - a flow that is marked as ``unknown`` counts as none
        - t = 0 with alpha = 1 gives ``frame_0``; t = 1 with alpha = 0 gives ``frame_1``

    Args:
        frame_0: (N, C, H, W), floating point, any range.
        frame_1: (N, C, H, W).
        flow_01: (N, 2, H, W), pixels, on frame 0's grid.
        flow_10: (N, 2, H, W), pixels, on frame 1's grid.
        t: Time in [0, 1].
        alpha: Weight of frame 0 in [0, 1].

    Returns:
        (N, C, H, W), the dtype and range of the frames.

    Raises:
        ValueError: If ``t`` or ``alpha`` leaves [0, 1] or shapes do not fit.

    Example:
        >>> import torch
        >>> frame_0, frame_1 = torch.zeros(1, 1, 2, 3), torch.ones(1, 1, 2, 3)
        >>> still = torch.zeros(1, 2, 2, 3)
        >>> interpolate_frame(frame_0, frame_1, still, still, t=0.3, alpha=0.25).unique()
        tensor([0.7500])
    """
    for name, value in (('t', t), ('alpha', alpha)):
        if not 0 <= value <= 1:
            raise ValueError(f'{name} must lie in [0, 1], got {value}')
    if frame_0.shape != frame_1.shape or flow_01.shape != flow_10.shape:
        raise ValueError(
            f'the frames must agree in shape, and the flows: got frames {tuple(frame_0.shape)} and '
            f'{tuple(frame_1.shape)}, flows {tuple(flow_01.shape)} and {tuple(flow_10.shape)}'
        )
    # Where nothing is known of the motion, none is the best guess; elsewhere, values stay as they are.
    flow_01, flow_10 = (flow.masked_fill(unknown(flow)[:, None], 0) for flow in (flow_01, flow_10))
    return alpha * warp(frame_0, t * flow_10) + (1 - alpha) * warp(frame_1, (1 - t) * flow_01)
