"""Fourier domain adaptation (Yang and Soatto, CVPR 2020): the look of an image lies in its low frequencies."""

import math

import torch
from torch import Tensor


def swap_low_frequencies(source: Tensor, target: Tensor, beta: float, half_spectrum: bool = False) -> Tensor:
    """Give a source image the low-frequency amplitudes of a target image and keep its phases.

    ``x = Re F^-1(A exp(i phase(F(source))))`` with the 2-D transform F of each channel; A is ``|F(target)|`` in the
    four corners of ``b x b`` coefficients, ``b = floor(beta min(H, W))``, of the spectrum as the transform gives it
    (frequency zero at index [0, 0]), and ``|F(source)|`` elsewhere. Nothing is clamped: the result may leave the range
    of the images a little. Computed in double precision, since the phase of a coefficient that is small beside the
    mean is lost in single.

    The corners are those of the released training code; its NumPy demo replaces a square of ``2b + 1`` coefficients
    around frequency zero instead: one row and one column more, and the mean even where ``b = 0``. The corners are not
    symmetric about frequency zero, so that the spectrum is no longer that of real images, and how it is transformed
    back matters: the inverse real transform of torch up to 1.7, which the released training runs on, reads the columns
    0 to ``W // 2`` alone (``half_spectrum``); the real part of the complex transform, as in the demo, is the mean of
    both halves. On two real frames of 1024x512 they are 3 grey levels apart at beta 0.01, 0.6 at 0.09.

    Args:
        source: (..., C, H, W), in 0..255.
        target: Same shape and range.
        beta: L in the released code: side of a corner, as a share of the shorter side of the image, in [0, 1].
        half_spectrum: Whether only the first half of the columns is transformed back, as in the released training.

    Returns:
        (..., C, H, W), in the dtype of ``source``, at least float32.

    Raises:
        ValueError: If the shapes differ, or ``beta`` leaves [0, 1].

    Example:
        >>> source, target = torch.tensor([[[0., 2.], [4., 6.]]]), torch.full((1, 2, 2), 10.)
        >>> swap_low_frequencies(source, target, 0.5)  # here the corners are the whole spectrum
        tensor([[[10., 10.],
                 [10., 10.]]])
    """
    if source.shape != target.shape:
        raise ValueError(
            f'source and target must have the same size, got {tuple(source.shape)} and {tuple(target.shape)} '
            '(..., C, H, W): resize or crop one to the other'
        )
    if not 0 <= beta <= 1:
        raise ValueError(f'beta must lie in [0, 1], got {beta}')
    dtype = torch.promote_types(source.dtype, torch.float32)
    side = math.floor(beta * min(source.shape[-2:]))
    if side == 0:
        return source.to(dtype, copy=True)
    spectrum, spectrum_target = torch.fft.fft2(source.double()), torch.fft.fft2(target.double())
    swapped = torch.polar(spectrum_target.abs(), spectrum.angle())
    height, width = source.shape[-2:]
    corners = _corners(height, width, side, source.device)
    spectrum = torch.where(corners, swapped, spectrum)
    if half_spectrum:
        return torch.fft.irfft2(spectrum[..., : width // 2 + 1], s=(height, width)).to(dtype)
    return torch.fft.ifft2(spectrum).real.to(dtype)


def _corners(height: int, width: int, side: int, device: torch.device) -> Tensor:
    """Mark (H, W) the coefficients that are fewer than ``side`` from an edge, in both directions."""
    row, column = (torch.arange(length, device=device) for length in (height, width))
    near_row, near_column = ((x < side) | (x >= len(x) - side) for x in (row, column))
    return near_row[:, None] & near_column
