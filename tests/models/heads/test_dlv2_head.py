import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS


def dlv2_head(**options):
    return MODELS.build(dict(type='DLV2Head') | dict(in_channels=6, num_classes=5) | options)


def dlv2_like(head, x, dilations=(6, 12, 18, 24)):
    return sum(
        F.conv2d(x, conv.weight, conv.bias, padding=dilation, dilation=dilation)
        for conv, dilation in zip(head.convs, dilations)
    )


@pytest.mark.parametrize('dilations', [(6, 12, 18, 24), (6, 12), (1,)])
def test_is_the_sum_of_its_convolutions(dilations):
    head = dlv2_head(dilations=dilations)
    x = torch.randn(2, 6, 30, 41)
    expected = dlv2_like(head, x, dilations)
    assert len(head.convs) == len(dilations)
    torch.testing.assert_close(head.train()([x]), expected)
    torch.testing.assert_close(head.eval()([x]), expected)


def test_keys():
    expected = {f'convs.{i}.{name}' for i in range(4) for name in ('weight', 'bias')}
    assert set(dlv2_head().state_dict()) == expected


def test_every_parameter_gets_a_gradient():
    head = dlv2_head()
    head([torch.randn(1, 6, 30, 41)]).square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None or not gradient.any()] == []


def test_initial_weights():
    head = dlv2_head(in_channels=256)
    head.init_weights()
    for conv in head.convs:
        assert conv.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert conv.weight.mean().abs() < 5e-4
        assert not conv.bias.any()


def test_channels_are_accepted_and_unused():
    head = dlv2_head(channels=512)
    head.load_state_dict(dlv2_head().state_dict(), strict=True)
    assert (head.channels, dlv2_head().channels) == (512, None)


def test_takes_the_feature_map_that_it_is_told_to():
    head = dlv2_head(in_index=1)
    features = [torch.randn(1, 4, 12, 16), torch.randn(1, 6, 6, 8), torch.randn(1, 9, 6, 8)]
    assert torch.equal(head(features), head([None, features[1]]))
    last = dlv2_head()
    assert torch.equal(last(features[:2]), last([features[1]]))


def test_feature_maps_of_several_stages():
    head = dlv2_head(dropout_ratio=0, input_transform='resize_concat', in_index=[0, 1], in_channels=[4, 8])
    fine, coarse = torch.randn(2, 4, 12, 17), torch.randn(2, 8, 6, 9)
    resized = F.interpolate(coarse, (12, 17), mode='bilinear', align_corners=True)
    torch.testing.assert_close(head([fine, coarse]), dlv2_like(head, torch.cat((fine, resized), dim=1)))
    assert head.in_channels == 12


def test_corners_are_aligned_by_default():
    assert dlv2_head().align_corners is True
    assert dlv2_head(align_corners=False).align_corners is False


def test_no_dilations():
    with pytest.raises(ValueError, match='at least one branch'):
        dlv2_head(dilations=())


def test_dropout_acts_where_it_is_asked_for():
    torch.manual_seed(0)
    x = [torch.randn(1, 6, 9, 17)]
    plain, dropping = (dlv2_head(dropout_ratio=ratio) for ratio in (0, 0.5))
    dropping.load_state_dict(plain.state_dict())
    assert not torch.equal(dropping.train()(x), plain.train()(x))
    assert torch.equal(dropping.eval()(x), plain.eval()(x))
