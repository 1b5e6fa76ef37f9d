"""Forward propagation of a map along the flow, as DA-VSN moves the predictions of one frame to the next."""

import torch
import torch.nn.functional as F
from torch import Tensor


def propagate(x: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Move every value of ``x`` to the pixel that its flow points at: nearest-neighbour splatting.

    Where several values land on one pixel, the last of them in column-major order (columns from the left, each from the
    top) stays: the double loop of DA-VSN's released code has the columns outside. Values that leave the frame are
    dropped. Differentiable with respect to ``x``.

    Args:
        x: (N, C, H, W), any dtype.
        flow: (N, 2, H, W), floating point, pixels of the same grid.

    Returns:
        The moved map (N, C, H, W), 0 where nothing lands, and where something does, (N, H, W) bool.

    Raises:
        ValueError: If the shapes do not fit.

    Convention:
        ``flow_ab`` lives on a's grid, like ``x``; the result lies on b's. Half pixels round to the even neighbour. A
        flow that is not finite moves its pixel out of the frame.

    Example:
        >>> x = torch.tensor([[[[1., 2., 3.]]]])
        >>> flow = torch.tensor([1., 0.]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
        >>> moved, landed = propagate(x, flow)
        >>> moved.flatten(), landed.flatten()
        (tensor([0., 1., 2.]), tensor([False,  True,  True]))
    """
    batch, channels, height, width = x.shape
    if flow.shape != (batch, 2, height, width):
        raise ValueError(
            f'flow must be {(batch, 2, height, width)} for a map {tuple(x.shape)}, got {tuple(flow.shape)}'
        )
    origin = _origins(flow)
    # One more value, 0, for the pixels where nothing lands.
    values = F.pad(x.flatten(2), (0, 1))
    moved = values.gather(2, origin[:, None].expand(-1, channels, -1)).view_as(x)
    return moved, (origin < height * width).view(batch, height, width)


def _origins(flow: Tensor) -> Tensor:
    """Give for each pixel the flat index of the value that stays there, or H * W: (N, H * W)."""
    batch, _, height, width = flow.shape
    size = height * width
    flow = flow.to(torch.promote_types(flow.dtype, torch.float32))
    columns = (flow[:, 0] + torch.arange(width, device=flow.device)).round_()
    rows = (flow[:, 1] + torch.arange(height, device=flow.device)[:, None]).round_()
    inside = (columns == columns.clamp(0, width - 1)) & (rows == rows.clamp(0, height - 1))
    # One more slot at the end takes what leaves the frame.
    target = rows.long().mul_(width).add_(columns.long()).masked_fill_(~inside, size).flatten(1)
    pixels = torch.arange(size, device=flow.device)
    order = pixels.view(width, height).T.flatten().expand(batch, -1)  # column-major
    last = order.new_full((batch, size + 1), -1).scatter_reduce_(1, target, order, 'amax')[:, :-1]
    return F.pad(pixels.view(height, width).T.flatten(), (0, 1), value=size)[last]  # -1: nothing landed
