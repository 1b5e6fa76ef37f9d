"""Backward warping, the W of Eq. 3, 4 and 7."""

import torch
import torch.nn.functional as F
from torch import Tensor

UNKNOWN_FLOW = 1e9  # pixels

_MODES = ('bilinear', 'nearest')
_PADDING_MODES = ('border', 'zeros')


def warp(x: Tensor, flow: Tensor, *, mode: str = 'bilinear', padding_mode: str = 'border') -> Tensor:
    """Resample frame b on the pixel grid of frame a: the backward warping W of Eq. 3.

    ``out[n, :, i, j] = x[n, :, i + v, j + u]`` with ``(u, v) = flow[n, :, i, j]``, where ``x`` lies on frame b and
    ``flow`` is ``flow_ab``.

    Convention:
        - flow in pixels; channel 0 is u (to the right), channel 1 is v (down)
        - pixel centres on integers (``align_corners=True``)
        - samples outside ``x`` take the border value by default; ``inside(flow)`` tells them apart

    Args:
        x: (N, C, H, W), any range; floating point for 'bilinear', any dtype for 'nearest'.
        flow: (N, 2, H, W), floating point, pixels.
        mode: 'bilinear' for images and logits, 'nearest' for label maps.
        padding_mode: 'border' repeats the outermost pixels, 'zeros' puts 0 around the frame.

    Returns:
        (N, C, H, W), dtype of ``x``. Coordinates and interpolation are computed in at least float32. An
        infinite flow points outside the frame; where the flow is NaN, the result is NaN (bilinear) or the first pixel
        (nearest).

    Raises:
        TypeError: If ``flow``, or ``x`` with 'bilinear', is not floating point.
        ValueError: If the shapes do not fit each other or an option is unknown.

    Example:
        >>> x = torch.arange(3.0).view(1, 1, 1, 3)
        >>> warp(x, torch.tensor([1., 0.]).view(1, 2, 1, 1).expand(1, 2, 1, 3))
        tensor([[[[1., 2., 2.]]]])
    """
    _check(x, flow, mode, padding_mode)
    dtype = torch.promote_types(torch.promote_types(x.dtype, flow.dtype), torch.float32)
    position_x, position_y = sample_positions(flow.to(dtype))
    image = x.to(dtype) if mode == 'bilinear' else x
    if padding_mode == 'zeros':  # a frame of zeros around x is then what the border takes
        image, position_x, position_y = F.pad(image, (1, 1, 1, 1)), position_x + 1, position_y + 1
    if mode == 'nearest':
        sample = _sample_nearest
    else:
        sample = _sample_fused if x.is_cuda and not flow.requires_grad else _sample_bilinear
    return sample(image, position_x, position_y).to(x.dtype)


def inside(flow: Tensor) -> Tensor:
    """Tell which pixels of frame a point into frame b.

    Convention:
        The frame is the closed rectangle between the outermost pixel centres: ``0 <= j + u <= W - 1`` and
        ``0 <= i + v <= H - 1``. True = keep.

    Args:
        flow: (N, 2, H, W), floating point, pixels.

    Returns:
        (N, H, W), bool. A flow that is not finite points nowhere: False.

    Raises:
        TypeError: If ``flow`` is not floating point.
        ValueError: If ``flow`` is not (N, 2, H, W).

    Example:
        >>> inside(torch.tensor([1., 0.]).view(1, 2, 1, 1).expand(1, 2, 1, 3))
        tensor([[[ True,  True, False]]])
    """
    check_flow(flow)
    x, y = sample_positions(flow.to(torch.promote_types(flow.dtype, torch.float32)))
    height, width = flow.shape[-2:]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def unknown(flow: Tensor) -> Tensor:
    """Tell where a flow is marked as unknown, as in Middlebury's files: a component of more than 1e9 pixels.

    Such a vector points out of the frame: ``inside`` and ``consistency_mask`` are False there, and ``warp`` is finite.

    Args:
        flow: (N, 2, H, W), floating point, pixels.

    Returns:
        (N, H, W), bool. True = unknown. NaN is no mark but a fault, and False.

    Raises:
        TypeError: If ``flow`` is not floating point.
        ValueError: If ``flow`` is not (N, 2, H, W).

    Example:
        >>> unknown(torch.tensor([[[[1., 1e10]], [[0., 1e10]]]]))
        tensor([[[False,  True]]])
    """
    check_flow(flow)
    return (flow.abs() > UNKNOWN_FLOW).any(dim=1)


def sample_positions(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Give the absolute positions (x, y), each (N, H, W) in pixels, that ``flow`` (N, 2, H, W) points to."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype, device=flow.device) + flow[:, 0]
    y = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + flow[:, 1]
    return x, y


def check_flow(flow: Tensor) -> None:
    """Raise TypeError or ValueError unless ``flow`` is a floating-point (N, 2, H, W) tensor."""
    if not flow.is_floating_point():
        raise TypeError(f'flow must be floating point (pixels), got {flow.dtype}')
    if flow.ndim != 4 or flow.shape[1] != 2:
        raise ValueError(f'flow must have the shape (N, 2, H, W), got {tuple(flow.shape)}')


def _check(x: Tensor, flow: Tensor, mode: str, padding_mode: str) -> None:
    check_flow(flow)
    if mode == 'bilinear' and not x.is_floating_point():
        raise TypeError(f"x must be floating point, got {x.dtype}; warp label maps with mode='nearest'")
    if x.ndim != 4 or x.shape[0] != flow.shape[0] or x.shape[-2:] != flow.shape[-2:]:
        raise ValueError(
            f'x and flow must agree in N, H and W: x has the shape {tuple(x.shape)}, flow {tuple(flow.shape)}'
        )
    if mode not in _MODES:
        raise ValueError(f'mode must be one of {_MODES}, got {mode!r}')
    if padding_mode not in _PADDING_MODES:
        raise ValueError(f'padding_mode must be one of {_PADDING_MODES}, got {padding_mode!r}')


# Not ``F.grid_sample`` of the frame as it is: its coordinates in [-1, 1] lose 1e-4 px at a width of 1024 in float32, so
# that a shift by whole pixels is not exact. Gathering is exact, and faster in the backward pass on a CPU. On a GPU it
# is two dozen kernels; there ``F.grid_sample`` runs on sides that are powers of two, which divide without rounding.


def _sample_fused(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Sample in one kernel; whole positions are exact, others within 2^-24 of the padded side. No gradient of them."""
    height, width = image.shape[-2:]
    sides = [1 << (side - 1).bit_length() for side in (width, height)]
    missing = x.isnan() | y.isnan()
    x, y = x.clamp(0, width - 1).nan_to_num(0), y.clamp(0, height - 1).nan_to_num(0)
    grid = torch.stack([(2 * place + 1) / side - 1 for place, side in zip((x, y), sides)], dim=-1)
    padded = F.pad(image, (0, sides[0] - width, 0, sides[1] - height))
    sampled = F.grid_sample(padded, grid, mode='bilinear', padding_mode='zeros', align_corners=False)
    return sampled.masked_fill(missing[:, None], float('nan'))


def _sample_bilinear(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.detach().floor(), y.detach().floor()
    right, bottom = (left + 1).clamp(max=width - 1), (top + 1).clamp(max=height - 1)
    weight_x, weight_y = (x - left)[:, None], (y - top)[:, None]
    above = torch.lerp(_gather(image, left, top), _gather(image, right, top), weight_x)
    below = torch.lerp(_gather(image, left, bottom), _gather(image, right, bottom), weight_x)
    return torch.lerp(above, below, weight_y)


def _sample_nearest(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    return _gather(image, x.detach().round().clamp(0, width - 1), y.detach().round().clamp(0, height - 1))


def _gather(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Pick ``image[n, :, y, x]`` at whole positions x, y (N, H, W)."""
    batch, channels, _, width = image.shape
    index = y.nan_to_num(0).long() * width + x.nan_to_num(0).long()
    index = index.flatten(1)[:, None].expand(batch, channels, -1)
    return image.flatten(2).gather(2, index).view(batch, channels, *x.shape[-2:])
