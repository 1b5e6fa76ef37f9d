"""How the correlation of feature maps is computed: matrix products over strips of columns."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Columns of ``a`` that are worked off at a time. In a wider strip more products are computed that nobody asked for, in
# a narrower one matrices are too small to be fast. The best of 4 to 16 on a CPU; elsewhere starting kernels costs more.
_CPU_STRIP_WIDTH = 8
_STRIP_WIDTH = 16


# A displacement is a multiple of ``dilation_patch`` in each axis, so pixels meet only pixels with the same remainder:
# the frame falls apart into planes (every dilation_patch-th row and column), on which the grid is dense. A plane is
# worked off in strips of columns. All that a row of ``b`` meets in a strip of ``a`` lies in 2 * displacement + 1 rows,
# a window: pixels of the row times pixels of the window is one matrix product, a band of which is the result. Windows
# overlap; they are views of one copy, and so are the rows. Only one strip of products is in memory at a time.
#
# Products write into given tensors, because autocast leaves those alone: the result keeps its dtype.


class StripCorrelation(torch.autograd.Function):
    """The correlation of two feature maps and its gradient, strip by strip; see ``correlation``."""

    # By hand, because autograd would keep the strips of all planes, which are several times the inputs.

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, displacement: int, step: int, padding: int) -> Tensor:
        """Correlate ``a`` and ``b`` (N, C, H, W)."""
        ctx.save_for_backward(a, b)
        ctx.options = displacement, step, padding
        batch, _, height, width = a.shape
        side = 2 * displacement + 1
        allocate = a.new_zeros if padding else a.new_empty  # padding: a border that nothing is written to
        out = allocate(batch, side, side, height + 2 * padding, width + 2 * padding)
        for plane_a, plane_b, plane_out in _planes((a, b, _crop(out, padding)), step):
            _correlate(plane_a, plane_b, plane_out, displacement)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        """Give the gradients of ``a`` and ``b``."""
        a, b = ctx.saved_tensors
        displacement, step, padding = ctx.options
        grad_a, grad_b = torch.empty_like(a), torch.empty_like(b)
        for inputs_and_gradients in _planes((a, b, _crop(grad_out, padding), grad_a, grad_b), step):
            _correlate_backward(inputs_and_gradients, displacement)
        return grad_a, grad_b, None, None, None


def _planes(tensors: tuple[Tensor, ...], step: int) -> Iterator[list[Tensor]]:
    """Take every ``step``-th row and column of each sample of each tensor, from every start."""
    batch, _, height, width = tensors[0].shape
    for sample in range(batch):
        for top in range(min(step, height)):
            for left in range(min(step, width)):
                yield [tensor[sample, ..., top::step, left::step] for tensor in tensors]


def _correlate(a: Tensor, b: Tensor, out: Tensor, displacement: int) -> None:
    """Correlate two planes (C, h, w) into ``out`` (D, D, h, w)."""
    width = _strip_width(a)
    rows = _padded_plane(b, width, displacement)
    products, inner = _new_products(rows, width, displacement)
    for left in range(0, a.shape[2], width):
        windows = _windows(_padded_strip(a, left, width, displacement), displacement)
        row = _rows(rows, left, width, displacement)
        torch.bmm(row.transpose(1, 2), windows, out=inner)
        target = out[..., left : left + width]
        target.copy_(_diagonals(products, target, displacement))


def _correlate_backward(planes: list[Tensor], displacement: int) -> None:
    """Write the gradients of ``_correlate``: from a, b, grad_out to grad_a, grad_b."""
    a, b, grad_out, grad_a, grad_b = planes
    width = _strip_width(a)
    rows = _padded_plane(b, width, displacement)
    grad_rows = torch.zeros_like(rows)
    products, inner = _new_products(rows, width, displacement)
    grad_row = products.new_empty(a.shape[1], len(a), width + 2 * displacement)
    for left in range(0, a.shape[2], width):
        products.zero_()
        source = grad_out[..., left : left + width]
        _diagonals(products, source, displacement).copy_(source)
        strip = _padded_strip(a, left, width, displacement)
        torch.bmm(_windows(strip, displacement), inner.transpose(1, 2), out=grad_row)
        _rows(grad_rows, left, width, displacement).add_(grad_row)

        row = _rows(rows, left, width, displacement)
        grad_strip = torch.zeros_like(strip)
        for index, grad_window in enumerate(_windows(grad_strip, displacement)):
            grad_window.addmm_(row[index], inner[index])  # one after the other: windows overlap
        target = grad_a[..., left : left + width]
        target.copy_(grad_strip[:, displacement : displacement + a.shape[1], : target.shape[2]])
    grad_b.copy_(grad_rows[..., displacement : displacement + b.shape[2]])


def _padded_plane(plane: Tensor, width: int, displacement: int) -> Tensor:
    """Copy a plane with zeros to the left and right, so that the last strip finds all that it can meet."""
    columns = plane.shape[2]
    padded = plane.new_zeros(
        *plane.shape[:2], -(-columns // width) * width + 2 * displacement, dtype=_working_dtype(plane)
    )
    padded[..., displacement : displacement + columns] = plane
    return padded


def _padded_strip(plane: Tensor, left: int, width: int, displacement: int) -> Tensor:
    """Copy columns of a plane with zeros above and below, and to the right where the plane ends before the strip."""
    channels, height, _ = plane.shape
    strip = plane.new_zeros(channels, height + 2 * displacement, width, dtype=_working_dtype(plane))
    source = plane[..., left : left + width]
    strip[:, displacement : displacement + height, : source.shape[2]] = source
    return strip


def _windows(strip: Tensor, displacement: int) -> Tensor:
    """View a padded strip as what each row meets, (h, C, D * width)."""
    channels, height, width = strip.shape
    size = (height - 2 * displacement, channels, (2 * displacement + 1) * width)
    return strip.as_strided(size, (width, height * width, 1))


def _rows(padded: Tensor, left: int, width: int, displacement: int) -> Tensor:
    """View the part of each row of a padded plane that a strip meets, (h, C, width + 2 displacement)."""
    return padded[..., left : left + width + 2 * displacement].transpose(0, 1)


def _new_products(padded: Tensor, width: int, displacement: int) -> tuple[Tensor, Tensor]:
    """Allocate a strip's products, (rows, pixels of a row, pixels of a window), and view those of rows inside.

    The rows above and below the plane stay zero.
    """
    height = padded.shape[1]
    size = (height + 2 * displacement, width + 2 * displacement, (2 * displacement + 1) * width)
    products = padded.new_zeros(size)
    return products, products[displacement : displacement + height]


def _diagonals(products: Tensor, like: Tensor, displacement: int) -> Tensor:
    """View the products that are wanted as the strip of the result ``like`` (D, D, h, columns).

    A pixel (y, x) and its displacement (k, l) meet in row y + k at column x + l, and the pixel lies in row D - 1 - k of
    that row's window: diagonals, whose strides are sums of strides.
    """
    row, column, _ = products.stride()
    side = 2 * displacement + 1
    width = products.shape[2] // side
    return products.as_strided(like.shape, (row - width, column, row, column + 1), (side - 1) * width)


def _strip_width(plane: Tensor) -> int:
    return min(_CPU_STRIP_WIDTH if plane.device.type == 'cpu' else _STRIP_WIDTH, plane.shape[2])


def _crop(volume: Tensor, padding: int) -> Tensor:
    height, width = volume.shape[-2:]
    return volume[..., padding : height - padding, padding : width - padding]


def _working_dtype(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)
