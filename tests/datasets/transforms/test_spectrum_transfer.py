import pytest
import torch

from i2vda_mmseg.datasets.transforms import SpectrumTransfer
from i2vda_mmseg.ops import swap_low_frequencies


def sample(source_size=(24, 40), target_size=(24, 40)):
    return dict(
        source=dict(inputs=torch.randint(256, (3, *source_size), dtype=torch.uint8), data_samples='labels'),
        target=dict(inputs=torch.randint(256, (2, 3, *target_size), dtype=torch.uint8), data_samples='meta'),
    )


def test_the_source_gets_the_look_of_frame_1():
    before = sample()
    copy = {domain: part['inputs'].clone() for domain, part in before.items()}
    after = SpectrumTransfer(beta=0.1)(before)
    expected = swap_low_frequencies(copy['source'].float(), copy['target'][1].float(), 0.1)
    assert after['source']['inputs'].dtype == torch.float32
    assert torch.equal(after['source']['inputs'], expected)
    assert torch.equal(after['target']['inputs'], copy['target'])
    assert (after['source']['data_samples'], after['target']['data_samples']) == ('labels', 'meta')
    assert not torch.allclose(expected, swap_low_frequencies(copy['source'].float(), copy['target'][0].float(), 0.1))


def test_nothing_changes_with_beta_0_or_an_image_of_the_same_look():
    before = sample()
    assert torch.equal(SpectrumTransfer(0)(before)['source']['inputs'], before['source']['inputs'].float())
    before['target']['inputs'][1] = before['source']['inputs']
    after = SpectrumTransfer(0.5)(before)['source']['inputs']
    assert (after - before['source']['inputs'].float()).abs().max() < 1e-4


def test_errors():
    with pytest.raises(ValueError, match=r'beta must lie in \[0, 1\], got 9'):
        SpectrumTransfer(9)
    with pytest.raises(ValueError, match=r"50x24 pixels, the target image 40x30 .*'RandomCrop', crop_size=\(30, 40\)"):
        SpectrumTransfer(0.05)(sample((24, 50), (30, 40)))
