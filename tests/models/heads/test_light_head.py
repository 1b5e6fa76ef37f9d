import pytest
import torch
import torch.nn.functional as F

from i2vda_mmseg.models.heads import LightHead


def head(in_channels, num_classes):
    torch.manual_seed(0)
    built = LightHead(in_channels=in_channels, num_classes=num_classes, align_corners=False)
    built.init_weights()
    return built


@pytest.mark.parametrize(('channels', 'classes', 'count'), [(768, 19, 1_811_520), (16, 3, 828)])
def test_the_number_of_parameters(channels, classes, count):
    found = sum(value.numel() for value in head(channels, classes).parameters())
    assert found == count == 49 * channels**2 // 16 + channels * (8 + classes) // 4


def norm(x, layer):
    mean, var = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
    scaled = (x - mean) / (var + 1e-5).sqrt()
    return scaled * layer.weight.view(1, -1, 1, 1) + layer.bias.view(1, -1, 1, 1)


@torch.no_grad()
def test_it_computes_what_is_published():
    module = head(16, 3).eval()
    for value in module.parameters():
        value.add_(0.1 * torch.randn_like(value))
    features = torch.randn(2, 16, 3, 5)
    layers = module.upscale
    x = F.gelu(norm(F.conv_transpose2d(features, layers[0].weight, stride=2), layers[1]))
    x = norm(F.conv_transpose2d(x, layers[3].weight, stride=2), layers[4])
    x = norm(F.conv2d(x, layers[5].weight, padding=1), layers[6])
    expected = F.conv2d(x, module.conv_seg.weight)
    found = module((torch.zeros(2, 1, 1, 1), features))
    assert found.shape == (2, 3, 12, 20)
    torch.testing.assert_close(found, expected)


def test_the_classifier_is_drawn_from_a_tenth():
    classifier = head(768, 19).conv_seg
    assert classifier.bias is None
    assert float(classifier.weight.std()) == pytest.approx(0.1, rel=0.05)
