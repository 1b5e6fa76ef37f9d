"""NVIDIA's FlowNet2, written here from its description, against the converted network."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from i2vda_mmseg.flow import MMFlow

ROOT = Path(__file__).parents[2]
CONVERTER = ROOT / 'tools' / 'model_converters' / 'flownet2_nvidia.py'
SLOPE = 0.1

# layer: (in, out, kernel); a transposed convolution is named deconv* or upsampled_flow*
ENCODER_TAIL = dict(
    conv4=(256, 512, 3), conv4_1=(512, 512, 3), conv5=(512, 512, 3), conv5_1=(512, 512, 3),
    conv6=(512, 1024, 3), conv6_1=(1024, 1024, 3),
)  # fmt: skip
DECODER = dict(
    deconv5=(1024, 512, 4), deconv4=(1026, 256, 4), deconv3=(770, 128, 4), deconv2=(386, 64, 4),
    upsampled_flow6_to_5=(2, 2, 4), upsampled_flow5_to_4=(2, 2, 4), upsampled_flow4_to_3=(2, 2, 4),
    upsampled_flow3_to_2=(2, 2, 4),
)  # fmt: skip
PREDICTIONS = dict(
    predict_flow6=(1024, 2, 3), predict_flow5=(1026, 2, 3), predict_flow4=(770, 2, 3), predict_flow3=(386, 2, 3),
    predict_flow2=(194, 2, 3),
)  # fmt: skip
FLOWNET_C = dict(
    conv1=(3, 64, 7), conv2=(64, 128, 5), conv3=(128, 256, 5), conv_redir=(256, 32, 1), conv3_1=(473, 256, 3),
    **ENCODER_TAIL, **DECODER, **PREDICTIONS,
)  # fmt: skip
FLOWNET_S = dict(
    conv1=(12, 64, 7), conv2=(64, 128, 5), conv3=(128, 256, 5), conv3_1=(256, 256, 3),
    **ENCODER_TAIL, **DECODER, **PREDICTIONS,
)  # fmt: skip
FLOWNET_SD = dict(
    conv0=(6, 64, 3), conv1=(64, 64, 3), conv1_1=(64, 128, 3), conv2=(128, 128, 3), conv2_1=(128, 128, 3),
    conv3=(128, 256, 3), conv3_1=(256, 256, 3), **ENCODER_TAIL, **DECODER,
    inter_conv5=(1026, 512, 3), inter_conv4=(770, 256, 3), inter_conv3=(386, 128, 3), inter_conv2=(194, 64, 3),
    predict_flow6=(1024, 2, 3), predict_flow5=(512, 2, 3), predict_flow4=(256, 2, 3), predict_flow3=(128, 2, 3),
    predict_flow2=(64, 2, 3),
)  # fmt: skip
FUSION = dict(
    conv0=(11, 64, 3), conv1=(64, 64, 3), conv1_1=(64, 128, 3), conv2=(128, 128, 3), conv2_1=(128, 128, 3),
    deconv1=(128, 32, 4), deconv0=(162, 16, 4), inter_conv1=(162, 32, 3), inter_conv0=(82, 16, 3),
    predict_flow2=(128, 2, 3), predict_flow1=(32, 2, 3), predict_flow0=(16, 2, 3),
    upsampled_flow2_to_1=(2, 2, 4), upsampled_flow1_to_0=(2, 2, 4),
)  # fmt: skip
NETWORKS = dict(
    flownetc=FLOWNET_C, flownets_1=FLOWNET_S, flownets_2=FLOWNET_S, flownets_d=FLOWNET_SD, flownetfusion=FUSION
)
STRIDE_1 = {'conv_redir', 'conv3_1', 'conv4_1', 'conv5_1', 'conv6_1', 'conv1_1', 'conv2_1', 'conv0'}


def nvidia_weights(seed=0):
    """Draw weights that keep the size of the features, in NVIDIA's layout."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for network, layers in NETWORKS.items():
        for layer, (inputs, outputs, kernel) in layers.items():
            is_transposed = layer.startswith(('deconv', 'upsampled'))
            shape = (inputs, outputs) if is_transposed else (outputs, inputs)
            is_linear = layer.startswith(('predict', 'upsampled'))
            key = f'{network}.{layer}' + ('' if is_linear else '.0')
            seen = inputs * kernel**2 / (4 if is_transposed else 1)
            weights[f'{key}.weight'] = torch.randn(*shape, kernel, kernel, generator=generator) * (2 / seen) ** 0.5
            if not (network.startswith(('flownets_1', 'flownets_2')) and layer.startswith('upsampled')):
                weights[f'{key}.bias'] = 0.1 * torch.randn(outputs, generator=generator)
    return weights


class Nvidia:
    """The published architecture over a state dict; frames are RGB in 0..255."""

    def __init__(self, weights):
        self.weights = weights

    def __call__(self, frame_a, frame_b):
        both = torch.stack((frame_a, frame_b), 2)  # (N, 3, 2, H, W)
        a, b = ((both - both.mean((2, 3, 4), keepdim=True)) / 255).unbind(2)
        flow = 20 * self.enlarge(self.flownet_c(a, b), 'bilinear')
        flow = 20 * self.enlarge(self.flownet_s('flownets_1', self.refine(a, b, flow)), 'bilinear')
        flow = 20 * self.enlarge(self.flownet_s('flownets_2', self.refine(a, b, flow)), 'nearest')
        small = self.enlarge(self.flownet_sd(torch.cat((a, b), 1)) / 20, 'nearest')
        features = [a, small, flow, self.length(small), self.length(flow)]
        features += [self.length(a - self.resample(b, field)) for field in (small, flow)]
        return self.fusion(torch.cat(features, 1))

    def refine(self, a, b, flow):
        resampled = self.resample(b, flow)
        return torch.cat((a, b, resampled, flow / 20, self.length(a - resampled)), 1)

    def layer(self, network, name, x):
        prefix = f'{network}.{name}'
        is_linear = name.startswith(('predict', 'upsampled'))
        prefix += '' if is_linear else '.0'
        weight, bias = self.weights[f'{prefix}.weight'], self.weights.get(f'{prefix}.bias')
        if name.startswith(('deconv', 'upsampled')):
            x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1)
        else:
            x = F.conv2d(x, weight, bias, stride=self.stride(network, name), padding=weight.shape[-1] // 2)
        return x if is_linear or name.startswith('inter') else F.leaky_relu(x, SLOPE)

    @staticmethod
    def stride(network, name):
        return 1 if name in STRIDE_1 or name.startswith(('predict', 'inter')) else 2

    def chain(self, network, names, x):
        for name in names:
            x = self.layer(network, name, x)
        return x

    def flownet_c(self, a, b):
        conv2 = self.chain('flownetc', ('conv1', 'conv2'), a)
        conv3_a = self.layer('flownetc', 'conv3', conv2)
        conv3_b = self.chain('flownetc', ('conv1', 'conv2', 'conv3'), b)
        correlated = F.leaky_relu(self.cost(conv3_a, conv3_b), SLOPE)
        joined = torch.cat((self.layer('flownetc', 'conv_redir', conv3_a), correlated), 1)
        return self.pyramid('flownetc', conv2, self.layer('flownetc', 'conv3_1', joined))

    def flownet_s(self, network, x):
        conv2 = self.chain(network, ('conv1', 'conv2'), x)
        return self.pyramid(network, conv2, self.chain(network, ('conv3', 'conv3_1'), conv2))

    def flownet_sd(self, x):
        conv2 = self.chain('flownets_d', ('conv0', 'conv1', 'conv1_1', 'conv2', 'conv2_1'), x)
        return self.pyramid('flownets_d', conv2, self.chain('flownets_d', ('conv3', 'conv3_1'), conv2))

    def pyramid(self, network, conv2, conv3):
        skips = {2: conv2, 3: conv3}
        for level in (4, 5, 6):
            skips[level] = self.chain(network, (f'conv{level}', f'conv{level}_1'), skips[level - 1])
        return self.decode(network, skips)

    def decode(self, network, skips):
        x = skips[max(skips)]
        flow = self.layer(network, f'predict_flow{max(skips)}', x)
        for level in sorted(skips, reverse=True)[1:]:
            up = self.layer(network, f'upsampled_flow{level + 1}_to_{level}', flow)
            x = torch.cat((skips[level], self.layer(network, f'deconv{level}', x), up), 1)
            has_inter = f'{network}.inter_conv{level}.0.weight' in self.weights
            y = self.layer(network, f'inter_conv{level}', x) if has_inter else x
            flow = self.layer(network, f'predict_flow{level}', y)
        return flow

    def fusion(self, x):
        skips = {0: self.layer('flownetfusion', 'conv0', x)}
        skips[1] = self.chain('flownetfusion', ('conv1', 'conv1_1'), skips[0])
        skips[2] = self.chain('flownetfusion', ('conv2', 'conv2_1'), skips[1])
        return self.decode('flownetfusion', skips)

    @staticmethod
    def enlarge(x, mode):
        return F.interpolate(x, scale_factor=4, mode=mode)

    @staticmethod
    def length(x):
        return x.pow(2).sum(1, keepdim=True).sqrt()

    @staticmethod
    def cost(a, b, reach=20, step=2):
        """Average over the channels at displacements -20, -18, ... 20, rows first."""
        height, width = a.shape[-2:]
        padded = F.pad(b, (reach,) * 4)
        offsets = range(0, 2 * reach + 1, step)
        return torch.stack(
            [(a * padded[..., v : v + height, u : u + width]).mean(1) for v in offsets for u in offsets], 1
        )

    @staticmethod
    def resample(x, flow):
        """Sample bilinearly at x + flow, from the nearest pixel of the border outside."""
        height, width = x.shape[-2:]
        row = (torch.arange(height)[:, None] + flow[:, 1]).clamp(0, height - 1)
        column = (torch.arange(width) + flow[:, 0]).clamp(0, width - 1)
        top, left = row.floor().long(), column.floor().long()
        bottom, right = (top + 1).clamp(max=height - 1), (left + 1).clamp(max=width - 1)
        y, z = (row - top)[:, None], (column - left)[:, None]

        def at(i, j):
            return x.flatten(2).gather(2, (i * width + j).flatten(1)[:, None].expand(-1, 3, -1)).view_as(x)

        upper = at(top, left) * (1 - z) + at(top, right) * z
        lower = at(bottom, left) * (1 - z) + at(bottom, right) * z
        return upper * (1 - y) + lower * y


@pytest.fixture(scope='module')
def converter():
    spec = importlib.util.spec_from_file_location('flownet2_nvidia_converter', CONVERTER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_counts_of_the_reference():
    assert sum(value.numel() for value in nvidia_weights().values()) == 162_518_834


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec('mmflow') is None, reason='mmflow is not installed')
def test_same_flow_as_the_reference(tmp_path, converter, monkeypatch, capsys):
    weights = nvidia_weights()
    source, target = tmp_path / 'in.pth.tar', tmp_path / 'out' / 'flownet2.pth'
    wrapped = {f'module.{key}': value for key, value in weights.items()}  # as saved from several GPUs
    torch.save(dict(epoch=1, state_dict=wrapped, best_EPE=np.float64(0.5)), source)
    monkeypatch.setattr(sys, 'argv', ['flownet2_nvidia.py', str(source), str(target)])
    converter.main()
    assert '162,518,834 weights' in capsys.readouterr().out
    estimator = MMFlow('flownet2_nvidia', checkpoint=target, correlation='torch')
    frames = 255 * F.interpolate(torch.rand(4, 3, 8, 12), (64, 128), mode='bilinear').view(2, 2, 3, 64, 128)
    frames[:, 1] *= 0.6  # the mean is each pair's own
    with torch.no_grad():
        expected = Nvidia(weights)(frames[0], frames[1])
    flow = estimator(frames[0], frames[1])
    assert expected.std() >= 1
    assert (flow - expected).abs().max() < 1e-3
    assert torch.allclose(estimator(frames[0] + 20, frames[1] + 20), flow, atol=1e-2)  # no trace of the mean
    assert (estimator(frames[0].flip(1), frames[1].flip(1)) - expected).abs().max() > 0.1  # RGB, not BGR


@pytest.mark.parametrize(
    'key', ['flownetc.conv9.0.weight', 'flownetx.conv1.0.weight', 'conv1.weight', 'flownetc.norm.mean']
)
def test_unknown_keys_are_named(converter, key):
    with pytest.raises(ValueError, match=f"'{key}' is not a weight of NVIDIA's FlowNet2"):
        converter.convert_key(key)


def test_a_file_that_holds_more_than_weights_is_refused(tmp_path, converter, monkeypatch, capsys):
    source = tmp_path / 'in.pth.tar'
    torch.save(dict(state_dict=Path('x')), source)
    monkeypatch.setattr(sys, 'argv', ['flownet2_nvidia.py', str(source), str(tmp_path / 'out.pth')])
    with pytest.raises(SystemExit):
        converter.main()
    assert f'{source} holds more than weights' in capsys.readouterr().err
    assert not (tmp_path / 'out.pth').exists()


def test_a_missing_file_is_named(tmp_path, converter, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['flownet2_nvidia.py', str(tmp_path / 'no'), str(tmp_path / 'out.pth')])
    with pytest.raises(SystemExit):
        converter.main()
    assert f'there is no file {tmp_path / "no"}' in capsys.readouterr().err
