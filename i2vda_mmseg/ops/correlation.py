"""The cost volume of optical-flow networks: ``mmcv.ops.Correlation`` without compiled code."""

from torch import Tensor, nn

from .correlation_strips import StripCorrelation


def correlation(
    a: Tensor,
    b: Tensor,
    max_displacement: int,
    dilation_patch: int = 1,
    kernel_size: int = 1,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Tensor:
    """Correlate each pixel of ``a`` with the pixels of ``b`` on a square grid of displacements around it.

    ``out[n, k, l, i + padding, j + padding] = sum_c a[n, c, i, j] * b[n, c, i + v, j + u]`` with
    ``v = (k - max_displacement) * dilation_patch`` and ``u = (l - max_displacement) * dilation_patch``: the same as
    ``mmcv.ops.Correlation`` with kernel size 1 and stride 1, in plain PyTorch, on any device, differentiable once.

    Convention:
        - a plain sum over the channels, not their mean
        - dimension 1 of the result is the displacement down (v), dimension 2 the displacement to the right (u), both
          from negative to positive, in pixels of the feature map
        - ``b`` is 0 outside the frame; so is ``a``, which makes ``padding`` a border of zeros around the result
        - what is not finite in ``a`` and meets the outside of the frame may give NaN; mmcv's kernel gives 0

    Args:
        a: (N, C, H, W), floating point, any range.
        b: (N, C, H, W), the dtype and device of ``a``.
        max_displacement: Steps of the grid in each direction, >= 0; the grid has ``D = 2 * max_displacement + 1``
            points a side.
        dilation_patch: Pixels in a step of the grid, >= 1.
        kernel_size: 1, the only one that is implemented.
        stride: 1, the only one that is implemented.
        padding: Width of the border of zeros around the result, >= 0.
        dilation: Distance of the points in a kernel, >= 1; without effect on a kernel of size 1.

    Returns:
        (N, D, D, H + 2 * padding, W + 2 * padding), the dtype of ``a``. Sums are computed in at least float32, under
        autocast too.

    Raises:
        TypeError: If an input is not floating point, the dtypes differ or an option is not an integer.
        ValueError: If the shapes or devices differ or an option is out of its range.

    Example:
        >>> import torch
        >>> a = torch.tensor([1., 2., 3.]).view(1, 1, 1, 3)
        >>> correlation(a, a, max_displacement=1)[0, 1, :, 0]
        tensor([[0., 2., 6.],
                [1., 4., 9.],
                [2., 6., 0.]])
    """
    _check_options(max_displacement=max_displacement, dilation_patch=dilation_patch)
    _check_options(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    _check_inputs(a, b)
    return StripCorrelation.apply(a, b, max_displacement, dilation_patch, padding)


class Correlation(nn.Module):
    """``correlation`` as a module with the arguments of ``mmcv.ops.Correlation``, in the same order.

    Raises:
        TypeError: If an option is not an integer.
        ValueError: If an option is out of its range.

    Example:
        >>> import torch
        >>> Correlation(max_displacement=10, dilation_patch=2)(torch.zeros(1, 4, 6, 8), torch.zeros(1, 4, 6, 8)).shape
        torch.Size([1, 21, 21, 6, 8])
    """

    def __init__(
        self,
        kernel_size: int = 1,
        max_displacement: int = 1,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        dilation_patch: int = 1,
    ) -> None:
        super().__init__()
        _check_options(max_displacement=max_displacement, dilation_patch=dilation_patch)
        _check_options(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
        self.kernel_size = kernel_size
        self.max_displacement = max_displacement
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.dilation_patch = dilation_patch

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Give the correlation of two (N, C, H, W) feature maps, (N, D, D, H + 2 padding, W + 2 padding)."""
        options = (self.kernel_size, self.stride, self.padding, self.dilation)
        return correlation(input1, input2, self.max_displacement, self.dilation_patch, *options)

    def extra_repr(self) -> str:
        """Name the arguments."""
        names = ('kernel_size', 'max_displacement', 'stride', 'padding', 'dilation', 'dilation_patch')
        return ', '.join(f'{name}={getattr(self, name)}' for name in names)


def _check_options(**options: int) -> None:
    for name, value in options.items():
        minimum = 0 if name in ('max_displacement', 'padding') else 1
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f'{name} must be an integer, got {value!r}')
        if value < minimum:
            raise ValueError(f'{name} must be at least {minimum}, got {value}')
        if name in ('kernel_size', 'stride') and value != 1:
            raise ValueError(
                f'{name} must be 1, got {value}: the correlation in plain PyTorch implements no other; '
                'mmcv.ops.Correlation, where mmcv has its compiled ops, does'
            )


def _check_inputs(a: Tensor, b: Tensor) -> None:
    if not a.is_floating_point() or a.dtype != b.dtype:
        raise TypeError(f'a and b must be floating point and of the same dtype, got {a.dtype} and {b.dtype}')
    if a.ndim != 4 or a.shape != b.shape:
        raise ValueError(f'a and b must have the same shape (N, C, H, W), got {tuple(a.shape)} and {tuple(b.shape)}')
    if a.device != b.device:
        raise ValueError(f'a and b must lie on the same device, got {a.device} and {b.device}')
