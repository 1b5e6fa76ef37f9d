import numpy as np
import pytest
import torch

from i2vda_mmseg.datasets import HistogramMatching


def matched(source, target):
    sample = dict(source=dict(inputs=source, other=1), target=dict(inputs=target))
    result = HistogramMatching()(sample)
    assert result['target']['inputs'] is target
    assert result['source']['other'] == 1
    return result['source']['inputs']


def plane(*values):
    return torch.tensor(values, dtype=torch.uint8).view(1, 1, -1).repeat(3, 1, 1)


def test_by_hand():
    """Shares: of the source 0: 2/4, 10: 3/4, 20: 4/4; of the target 100: 1/4, 200: 3/4, 250: 4/4."""
    result = matched(plane(0, 0, 10, 20), plane(200, 100, 250, 200))
    assert result.dtype == torch.float32
    assert result[:, 0].tolist() == [[150.0, 150.0, 200.0, 250.0]] * 3


def test_a_share_below_the_targets_first_takes_its_lowest_value():
    assert matched(plane(0, 9, 9, 9), plane(50, 50))[0, 0].tolist() == [50.0] * 4


def test_against_sorting():
    """Where the target has as many pixels, all of them different, matching sorts: rank for rank."""
    rng = np.random.default_rng(0)
    source, target = (np.stack([rng.permutation(256) for _ in range(3)]).reshape(3, 16, 16) for _ in range(2))
    target = target // 2 + 60
    result = matched(torch.from_numpy(source.astype(np.uint8)), torch.from_numpy(target.astype(np.uint8)))
    values, counts = zip(*(np.unique(channel, return_counts=True) for channel in target))
    for channel in range(3):
        share = (source[channel] + 1) / 256
        expected = np.interp(share, np.cumsum(counts[channel]) / 256, values[channel])
        np.testing.assert_allclose(result[channel].numpy(), expected, rtol=1e-6)
    assert result.min() >= 60


def test_an_image_matched_to_itself_stays_as_it_is():
    image = torch.randint(0, 256, (3, 9, 13), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(matched(image, image), image.float(), rtol=0, atol=1e-3)


def test_channels_and_frames_are_matched_on_their_own_to_the_last_target_frame():
    generator = torch.Generator().manual_seed(0)
    source = torch.randint(0, 256, (2, 3, 8, 12), dtype=torch.uint8, generator=generator)
    target = torch.randint(0, 256, (3, 3, 6, 10), dtype=torch.uint8, generator=generator)
    result = matched(source, target)
    assert result.shape == source.shape
    for frame in range(2):
        assert torch.equal(result[frame], matched(source[frame], target[-1]))
    single = matched(source[0, [1, 1, 1]], target[-1, [1, 1, 1]])
    assert torch.equal(result[0, 1], single[0])


def test_images_that_were_changed_before_are_refused():
    image = plane(1, 2)
    with pytest.raises(TypeError, match=r'those of the source are torch\.float32; put it first'):
        matched(image.float(), image)
