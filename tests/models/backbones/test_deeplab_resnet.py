import pytest
import torch
from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.models.backbones import DeepLabResNet

DILATED = dict(depth=18, base_channels=4, stem_channels=8, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))
PAPER = dict(
    depth=101,
    style='caffe',
    strides=(1, 2, 1, 1),
    dilations=(1, 1, 2, 4),
    norm_cfg=dict(type='BN', requires_grad=False),
    norm_eval=False,
)


def deeplab_resnet(**options):
    return MODELS.build(dict(type='DeepLabResNet', **options))


def grid(side):
    """The side of the feature map: strided convolution, ceil-mode pooling, strided stage."""
    side = (side + 2 * 3 - 7) // 2 + 1
    side = -((side + 2 * 1 - 3) // -2) + 1
    return (side + 2 * 1 - 3) // 2 + 1


@pytest.mark.parametrize(
    ('size', 'expected'), [((64, 128), (9, 17)), ((128, 64), (17, 9)), ((61, 100), None), ((33, 47), None)]
)
def test_grid(size, expected):
    features = deeplab_resnet(**DILATED)(torch.zeros(1, 3, *size))
    assert tuple(features[-1].shape[-2:]) == (grid(size[0]), grid(size[1]))
    assert expected in (None, tuple(features[-1].shape[-2:]))
    assert features[1].shape[-2:] == features[2].shape[-2:] == features[3].shape[-2:]


def test_keys_and_values_are_those_of_the_hosts_resnet():
    ours, theirs = deeplab_resnet(**DILATED), ResNet(**DILATED)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    theirs.maxpool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
    ours.eval()
    theirs.eval()
    x = torch.randn(1, 3, 33, 48)
    for a, b in zip(ours(x), theirs(x)):
        assert torch.equal(a, b)


def test_the_papers_network():
    with torch.device('meta'):
        ours, theirs = deeplab_resnet(**PAPER), ResNet(**PAPER)
        features = ours(torch.zeros(1, 3, 512, 1024))
    assert [tuple(x.shape[1:]) for x in features] == [
        (256, 129, 257), (512, 65, 129), (1024, 65, 129), (2048, 65, 129)
    ]  # fmt: skip
    assert list(ours.state_dict()) == list(theirs.state_dict())
    block = ours.layer3[0]
    assert (block.conv1.stride, block.conv2.stride, block.conv2.dilation) == ((1, 1), (1, 1), (2, 2))
    assert (ours.layer2[0].conv1.stride, ours.layer2[0].conv2.stride) == ((2, 2), (1, 1))  # caffe: on the first 1x1
    assert {block.conv2.dilation for block in ours.layer4} == {(4, 4)}
    ours.train()
    norms = [module for module in ours.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 1 + 3 * 33 + 4
    assert all(norm.training and not norm.weight.requires_grad and not norm.bias.requires_grad for norm in norms)


def test_depth_by_position_as_the_host_takes_it():
    with torch.device('meta'):
        ours, named, theirs = DeepLabResNet(18), deeplab_resnet(depth=18), ResNet(18)
    assert ours.depth == 18
    assert list(ours.state_dict()) == list(named.state_dict()) == list(theirs.state_dict())
    with pytest.raises(TypeError, match='depth'):
        DeepLabResNet()
