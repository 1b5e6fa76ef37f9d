import pytest
import torch
from mmcv.transforms import Compose

from i2vda_mmseg.datasets import StrongAugmentation
from i2vda_mmseg.ops import gaussian_blur, grayscale


@pytest.fixture
def frames():
    return 255 * torch.rand(2, 3, 6, 9, generator=torch.Generator().manual_seed(0))


def augmented(frames, seed=0, **kwargs):
    torch.manual_seed(seed)
    off = dict(blur_prob=0, jitter_prob=0, gray_prob=0)
    return Compose([dict(type='StrongAugmentation', **(off | kwargs))])(dict(frames=frames))['frames']


def test_each_part_alone(frames):
    assert torch.equal(augmented(frames), frames)
    torch.testing.assert_close(augmented(frames, gray_prob=1), grayscale(frames))
    sigmas = (0.5, 1.0, 2.0)
    results = [augmented(frames, seed, blur_prob=1, blur_sigmas=sigmas) for seed in range(12)]
    blurred = [gaussian_blur(frames, sigma) for sigma in sigmas]
    chosen = [next(i for i in range(3) if torch.equal(result, blurred[i])) for result in results]
    assert set(chosen) == {0, 1, 2}


def test_brightness_alone_stays_in_its_range(frames):
    dim = frames / 4
    factors = []
    for seed in range(20):
        result = augmented(dim, seed, jitter_prob=1, jitter=(0.5, 0, 0, 0))
        ratio = result / dim
        torch.testing.assert_close(ratio, ratio[0, 0, 0, 0].expand_as(ratio), rtol=1e-4, atol=0)
        factors.append(ratio[0, 0, 0, 0].item())
    assert 0.5 <= min(factors) < 0.75
    assert 1.25 < max(factors) <= 1.5


def test_everything_stays_in_the_range_of_colours_and_treats_frames_alike(frames):
    twice = torch.cat((frames[:1], frames[:1]))
    for seed in range(8):
        result = augmented(twice, seed, blur_prob=0.6, jitter_prob=1, gray_prob=0.2)
        assert torch.equal(result[0], result[1])
        assert result.min() >= -1e-4
        assert result.max() <= 255 + 1e-3
        assert not torch.equal(result, twice)


def test_a_seed_decides(frames):
    results = [augmented(frames, seed, jitter_prob=1) for seed in (3, 3, 4)]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(blur_sigmas=()), 'need one of blur_sigmas and four of jitter'),
        (dict(jitter=(0.8,)), 'need one of blur_sigmas and four of jitter'),
        (dict(gray_prob=1.5), r'gray_prob must lie in \[0, 1\], got 1\.5'),
    ],
)
def test_impossible_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        StrongAugmentation(**wrong)
