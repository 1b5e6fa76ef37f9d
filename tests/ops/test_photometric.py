import colorsys

import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import (
    add_brightness,
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    gaussian_blur,
    grayscale,
    scale_saturation,
    shift_hue,
)


@pytest.fixture
def images():
    return 255 * torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def of_pixels(images, function):
    """Apply a function of one RGB pixel in 0..1 to every pixel, in a plain loop."""
    pixels = images.movedim(-3, -1).reshape(-1, 3) / 255
    changed = torch.tensor([function(*pixel) for pixel in pixels.tolist()], dtype=torch.float64) * 255
    return changed.view(*images.movedim(-3, -1).shape).movedim(-1, -3)


def test_blur_is_a_weighted_mean_of_the_neighbours(images):
    sigma, radius = 0.8, 3
    weight = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weight /= weight.sum()
    x = images.numpy()
    expected = np.zeros_like(x)
    for i in range(5):
        for j in range(7):
            for di, wi in zip(range(-radius, radius + 1), weight):
                for dj, wj in zip(range(-radius, radius + 1), weight):
                    neighbour = x[..., min(max(i + di, 0), 4), min(max(j + dj, 0), 6)]
                    expected[..., i, j] += wi * wj * neighbour
    torch.testing.assert_close(gaussian_blur(images, sigma), torch.from_numpy(expected))


def test_a_blur_without_width_is_refused(images):
    with pytest.raises(ValueError, match='sigma must be positive, got 0'):
        gaussian_blur(images, 0)


@pytest.mark.parametrize('turns', [0.0, 0.15, -0.2, 0.5])
def test_hue_is_that_of_colorsys(images, turns):
    def turned(r, g, b):
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        return colorsys.hsv_to_rgb((h + turns) % 1, s, v)

    torch.testing.assert_close(shift_hue(images, turns), of_pixels(images, turned))


def test_grey_has_no_hue(images):
    grey = grayscale(images)
    torch.testing.assert_close(shift_hue(grey, 0.3), grey)
    torch.testing.assert_close(grey, of_pixels(images, lambda r, g, b: [0.299 * r + 0.587 * g + 0.114 * b] * 3))


def test_factors(images):
    grey = grayscale(images)
    torch.testing.assert_close(adjust_brightness(images, 1.5), (1.5 * images).clamp(max=255))
    torch.testing.assert_close(adjust_contrast(images, 0.25), grey.mean() + 0.25 * (images - grey.mean()))
    torch.testing.assert_close(adjust_saturation(images, 1.7), (grey + 1.7 * (images - grey)).clamp(0, 255))
    for change in (adjust_brightness, adjust_contrast, adjust_saturation):
        torch.testing.assert_close(change(images, 1.0), images)


@pytest.mark.parametrize('factor', [0.0, 0.8, 1.2, 40.0])
def test_saturation_of_hsv(images, factor):
    def expected(red, green, blue):
        hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
        return colorsys.hsv_to_rgb(hue, min(1.0, factor * saturation), value)

    torch.testing.assert_close(scale_saturation(images, factor), of_pixels(images, expected))


@pytest.mark.parametrize('amount', [-0.2, 0.2])
def test_added_brightness(images, amount):
    expected = of_pixels(images, lambda *pixel: [min(1.0, max(0.0, each + amount)) for each in pixel])
    torch.testing.assert_close(add_brightness(images, amount), expected)


def test_blur_with_a_given_kernel_and_a_reflected_border(images):
    offsets = np.arange(-2, 3)
    kernel = np.exp(-(offsets**2) / (2 * 0.7**2))
    kernel /= kernel.sum()
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode='reflect')
    expected = sum(kernel[i] * kernel[j] * padded[..., i : i + 5, j : j + 7] for i in range(5) for j in range(5))
    torch.testing.assert_close(gaussian_blur(images, 0.7, radius=2, border='reflect'), torch.from_numpy(expected))
