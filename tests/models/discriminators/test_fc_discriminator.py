import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS


def build(**options):
    return MODELS.build(dict(type='FCDiscriminator', **options))


def test_parameter_count_of_the_paper():
    with torch.device('meta'):
        discriminator = build(in_channels=19)
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == 2_781_121


@pytest.mark.parametrize(('size', 'scores'), [((32, 64), (1, 2)), ((96, 33), (3, 1)), ((127, 160), (3, 5))])
def test_stride(size, scores):
    assert build(in_channels=5, base_channels=2)(torch.zeros(2, 5, *size)).shape == (2, 1, *scores)


@pytest.mark.parametrize('size', [(31, 64), (64, 31), (16, 24)])
def test_maps_below_its_stride_are_refused(size):
    with pytest.raises(ValueError, match=rf'at least 32x32, got \(2, 5, {size[0]}, {size[1]}\)'):
        build(in_channels=5, base_channels=2)(torch.zeros(2, 5, *size))


def test_full_size_maps():
    with torch.device('meta'):
        discriminator = build(in_channels=15)
        for size, scores in (((512, 1024), (16, 32)), ((512, 896), (16, 28)), ((768, 1280), (24, 40))):
            assert discriminator(torch.zeros(1, 15, *size)).shape == (1, 1, *scores)


def test_is_the_chain_of_its_convolutions():
    discriminator = build(in_channels=3, base_channels=2)
    x = expected = torch.randn(1, 3, 64, 96)
    for i, conv in enumerate(discriminator.convs):
        expected = F.conv2d(expected, conv.weight, conv.bias, stride=2, padding=1)
        expected = torch.where(expected > 0, expected, 0.2 * expected) if i < 4 else expected
    torch.testing.assert_close(discriminator(x), expected)
    assert [conv.out_channels for conv in discriminator.convs] == [2, 4, 8, 16, 1]


def test_keys():
    expected = [f'convs.{i}.{name}' for i in range(5) for name in ('weight', 'bias')]
    assert list(build(in_channels=3, base_channels=2).state_dict()) == expected
