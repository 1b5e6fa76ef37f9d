"""Changes of blur and colour that leave the geometry of a picture alone.

Every function takes and gives pictures (..., 3, H, W) in floating point, RGB in 0..255, with any leading dimensions.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601


def gaussian_blur(images: Tensor, sigma: float, radius: int | None = None, border: str = 'replicate') -> Tensor:
    """Blur with a Gaussian.

    Args:
        images: (..., 3, H, W).
        sigma: Standard deviation in pixels, positive.
        radius: Where the Gaussian is cut off, in pixels; None: at three standard deviations.
        border: How the picture goes on beyond its border, 'replicate' or 'reflect'.

    Raises:
        ValueError: If ``sigma`` is not positive.

    Example:
        >>> gaussian_blur(torch.full((3, 4, 5), 7.), sigma=2).round().unique()
        tensor([7.])
    """
    if sigma <= 0:
        raise ValueError(f'sigma must be positive, got {sigma}')
    radius = math.ceil(3 * sigma) if radius is None else radius
    position = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-(position**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    planes = images.reshape(-1, 1, *images.shape[-2:])
    planes = F.conv2d(F.pad(planes, (radius, radius, 0, 0), mode=border), kernel)
    planes = F.conv2d(F.pad(planes, (0, 0, radius, radius), mode=border), kernel.transpose(2, 3))
    return planes.view(images.shape)


def grayscale(images: Tensor) -> Tensor:
    """Replace each colour by its grey: 0.299 R + 0.587 G + 0.114 B in all three channels.

    Example:
        >>> grayscale(torch.tensor([100., 0., 0.]).view(3, 1, 1)).flatten()
        tensor([29.9000, 29.9000, 29.9000])
    """
    red, green, blue = (channel * weight for channel, weight in zip(images.unbind(-3), _LUMA))
    return (red + green + blue).unsqueeze(-3).expand_as(images)


def adjust_brightness(images: Tensor, factor: float) -> Tensor:
    """Multiply by ``factor``: 0 gives black, 1 changes nothing."""
    return (images * factor).clamp(0, 255)


def adjust_contrast(images: Tensor, factor: float) -> Tensor:
    """Scale the distance from the mean grey of all given pictures: 0 gives that grey, 1 changes nothing."""
    return torch.lerp(grayscale(images).mean(), images, factor).clamp(0, 255)


def adjust_saturation(images: Tensor, factor: float) -> Tensor:
    """Scale the distance of each colour from its grey: 0 gives a grey picture, 1 changes nothing."""
    return torch.lerp(grayscale(images), images, factor).clamp(0, 255)


def add_brightness(images: Tensor, amount: float) -> Tensor:
    """Add ``amount`` of the full range to each channel: 1 gives white, 0 changes nothing."""
    return (images + 255 * amount).clamp(0, 255)


def scale_saturation(images: Tensor, factor: float) -> Tensor:
    """Multiply the saturation of HSV, at most to 1, keeping hue and value: 0 gives the value as grey.

    Example:
        >>> scale_saturation(torch.tensor([200., 100., 100.]).view(3, 1, 1), 2.0).flatten()
        tensor([200.,   0.,   0.])
    """
    value, least = images.amax(-3, keepdim=True), images.amin(-3, keepdim=True)
    safe = (value - least).clamp(min=1e-6)
    limit = (value / safe).clamp(min=1)  # at this factor the saturation is 1
    return value - (value - images) * limit.clamp(max=factor)


def shift_hue(images: Tensor, turns: float) -> Tensor:
    """Turn the hue by ``turns`` of the colour circle, keeping saturation and value of HSV.

    Example:
        >>> red = torch.tensor([200., 0., 0.]).view(3, 1, 1)
        >>> shift_hue(red, 1 / 3).flatten()  # red becomes green
        tensor([  0., 200.,   0.])
    """
    red, green, blue = images.unbind(-3)
    value, chroma = images.amax(-3), images.amax(-3) - images.amin(-3)
    safe = torch.where(chroma > 0, chroma, torch.ones_like(chroma))  # grey has no hue, and needs none
    sixth = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sixth = sixth + 6 * turns
    # Each channel is the value less what the colour circle, as six straight pieces, takes away at that hue.
    places = [(offset + sixth) % 6 for offset in (5, 3, 1)]
    channels = [value - chroma * torch.minimum(k, 4 - k).clamp(0, 1) for k in places]
    return torch.stack(channels, dim=-3)
