import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import swap_low_frequencies


def by_definition(source, target, beta):
    """The released definition, one channel and one corner at a time, in NumPy."""
    height, width = source.shape[-2:]
    side = int(np.floor(min(height, width) * beta))
    result = np.empty_like(source)
    for channel in np.ndindex(source.shape[:-2]):
        spectrum, other = np.fft.fft2(source[channel]), np.fft.fft2(target[channel])
        amplitude, phase = np.abs(spectrum), np.angle(spectrum)
        for rows in (slice(0, side), slice(height - side, height)):
            for columns in (slice(0, side), slice(width - side, width)):
                amplitude[rows, columns] = np.abs(other)[rows, columns]
        result[channel] = np.real(np.fft.ifft2(amplitude * np.exp(1j * phase)))
    return result


def images(*shape, dtype=torch.float64):
    return [255 * torch.rand(*shape, dtype=torch.float64).to(dtype) for _ in range(2)]


@pytest.mark.parametrize('beta', [0.01, 0.05, 0.09, 0.3, 0.5])
@pytest.mark.parametrize('shape', [(3, 48, 100), (2, 1, 101, 37)])
def test_definition(beta, shape):
    source, target = images(*shape)
    expected = by_definition(source.numpy(), target.numpy(), beta)
    assert np.abs(swap_low_frequencies(source, target, beta).numpy() - expected).max() < 1e-9
    single = swap_low_frequencies(source.float(), target.float(), beta)
    assert single.dtype == torch.float32
    assert np.abs(single.numpy() - expected).max() < 1e-4


def by_cosines(spectrum):
    """The inverse of a real transform that knows the columns 0 to W // 2 alone: each is a wave and its mirror image."""
    height, width = spectrum.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)
    image = np.zeros((height, width))
    for k in range(height):
        for m in range(width // 2 + 1):
            wave = spectrum[k, m] * np.exp(2j * np.pi * (k * rows / height + m * columns / width))
            image += wave.real * (1 if m in {0, width / 2} else 2)
    return image / (height * width)


@pytest.mark.parametrize('shape', [(12, 20), (15, 11)])
@pytest.mark.parametrize('beta', [0.1, 0.3])
def test_half_of_the_spectrum_as_in_the_released_training(shape, beta):
    source, target = (image.numpy() for image in images(*shape))
    side = int(np.floor(min(shape) * beta))
    spectrum, other = np.fft.fft2(source), np.fft.fft2(target)
    amplitude = np.abs(spectrum)
    for rows in (slice(0, side), slice(shape[0] - side, shape[0])):
        for columns in (slice(0, side), slice(shape[1] - side, shape[1])):
            amplitude[rows, columns] = np.abs(other)[rows, columns]
    expected = by_cosines(amplitude * np.exp(1j * np.angle(spectrum)))
    given = torch.from_numpy(source)[None], torch.from_numpy(target)[None], beta
    found = swap_low_frequencies(*given, half_spectrum=True)[0].numpy()
    assert np.abs(found - expected).max() < 1e-9
    assert np.abs(found - swap_low_frequencies(*given)[0].numpy()).max() > 1  # the spectrum is not that of real images


@pytest.mark.parametrize('beta', [0, 0.019])  # 0.019 * 48 < 1: an empty window, too
def test_an_empty_window_changes_nothing(beta):
    source, target = images(3, 48, 100, dtype=torch.float32)
    result = swap_low_frequencies(source, target, beta)
    assert torch.equal(result, source)
    assert result.data_ptr() != source.data_ptr()


def test_an_image_is_its_own_look():
    source = images(3, 48, 100, dtype=torch.float32)[0]
    assert (swap_low_frequencies(source, source.clone(), 0.09) - source).abs().max() < 1e-4


def test_the_mean_is_the_targets_and_nothing_is_clamped():
    source, target = images(3, 48, 100)
    target = 200 + target / 10
    result = swap_low_frequencies(source, target, 0.021)  # corners of one coefficient: the mean and its neighbours
    assert torch.allclose(result.mean((-2, -1)), target.mean((-2, -1)))
    assert result.max() > 255


def test_channels_and_images_are_apart():
    source, target = images(2, 3, 12, 20)
    joint = swap_low_frequencies(source, target, 0.2)
    assert torch.allclose(joint[1, 2], swap_low_frequencies(source[1, 2:], target[1, 2:], 0.2)[0])


def test_whole_numbers_become_floating_point():
    source, target = (image.to(torch.uint8) for image in images(3, 12, 20))
    result = swap_low_frequencies(source, target, 0.2)
    assert result.dtype == torch.float32
    assert torch.equal(result, swap_low_frequencies(source.float(), target.float(), 0.2))


def test_errors():
    source, target = images(3, 12, 20)
    with pytest.raises(ValueError, match=r'same size, got \(3, 12, 20\) and \(3, 20, 12\)'):
        swap_low_frequencies(source, target.mT, 0.1)
    with pytest.raises(ValueError, match=r'beta must lie in \[0, 1\], got -0\.1'):
        swap_low_frequencies(source, target, -0.1)
