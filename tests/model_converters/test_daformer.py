"""Converted weights give the logits of the published networks, which are written here anew with their names."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

import i2vda_mmseg  # noqa: F401 - registers the networks

CONVERTER = Path(__file__).parents[2] / 'tools/model_converters/daformer.py'
WIDTHS, HEADS, DEPTHS, RATIOS, REDUCTIONS = (8, 16, 40, 64), (1, 2, 5, 8), (1, 2, 1, 1), 4, (8, 4, 2, 1)


@pytest.fixture(scope='module')
def converter():
    spec = importlib.util.spec_from_file_location('daformer_converter', CONVERTER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def grid(tokens, size):
    return tokens.transpose(1, 2).reshape(len(tokens), -1, *size)


def tokens(features):
    return features.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    def __init__(self, width, heads, reduction):
        super().__init__()
        self.heads, self.reduction = heads, reduction
        self.q, self.kv, self.proj = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        if reduction > 1:
            self.sr, self.norm = nn.Conv2d(width, width, reduction, reduction), nn.LayerNorm(width)

    def forward(self, x, size):
        seen = self.norm(tokens(self.sr(grid(x, size)))) if self.reduction > 1 else x
        key, value = self.kv(seen).chunk(2, dim=-1)
        split = [each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in (self.q(x), key, value)]
        scores = split[0] @ split[1].transpose(-1, -2) * split[0].shape[-1] ** -0.5
        return self.proj((scores.softmax(-1) @ split[2]).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        inner = RATIOS * width
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dwconv = nn.ModuleDict(dict(dwconv=nn.Conv2d(inner, inner, 3, padding=1, groups=inner)))

    def forward(self, x, size):
        return self.fc2(F.gelu(tokens(self.dwconv['dwconv'](grid(self.fc1(x), size)))))


class Block(nn.Module):
    def __init__(self, width, heads, reduction):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads, reduction), Mlp(width)

    def forward(self, x, size):
        x = x + self.attn(self.norm1(x), size)
        return x + self.mlp(self.norm2(x), size)


class PublishedMiT(nn.Module):
    """SegFormer's encoder (Xie et al., NeurIPS 2021), with the names of its released code."""

    def __init__(self):
        super().__init__()
        before = 3
        for i, (width, heads, depth, reduction) in enumerate(zip(WIDTHS, HEADS, DEPTHS, REDUCTIONS), start=1):
            side, stride = (7, 4) if i == 1 else (3, 2)
            projection = nn.Conv2d(before, width, side, stride, side // 2)
            setattr(self, f'patch_embed{i}', nn.ModuleDict(dict(proj=projection, norm=nn.LayerNorm(width))))
            setattr(self, f'block{i}', nn.ModuleList(Block(width, heads, reduction) for _ in range(depth)))
            setattr(self, f'norm{i}', nn.LayerNorm(width, eps=1e-6))
            before = width

    def forward(self, x):
        outputs = []
        for i in range(1, 5):
            embed = getattr(self, f'patch_embed{i}')
            x = embed['proj'](x)
            size = x.shape[2:]
            x = embed['norm'](tokens(x))
            for block in getattr(self, f'block{i}'):
                x = block(x, size)
            x = grid(getattr(self, f'norm{i}')(x), size)
            outputs.append(x)
        return outputs


def randomised(module):
    torch.manual_seed(0)
    for value in (*module.parameters(), *module.buffers()):
        if value.is_floating_point():
            value.data = 0.2 * torch.randn_like(value) + (0.7 if value.ndim == 1 else 0)
    for name, value in module.named_buffers():
        if name.endswith('running_var'):
            value.abs_()
    return module.eval()


def our_mit():
    init_default_scope('mmseg')
    cfg = dict(type='MiT', embed_dims=8, num_heads=list(HEADS), num_layers=list(DEPTHS), qkv_bias=True)
    return MODELS.build(cfg).eval()


@torch.no_grad()
def test_a_mit_gives_the_same_features(converter):
    published, ours = randomised(PublishedMiT()), our_mit()
    weights = published.state_dict() | {'head.weight': torch.zeros(2, 64), 'head.bias': torch.zeros(2)}
    ours.load_state_dict(converter.convert(weights), strict=True)
    images = torch.randn(2, 3, 64, 96)
    for expected, found in zip(published(images), ours(images)):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def as_published(head):
    """Name the weights of our heads as the released code does."""
    names = {'embeddings.': 'embed_layers.', 'branches.': 'fuse_layer.aspp_modules.', 'bottleneck.': 'fuse_layer.bottleneck.', 'fusion.': 'fuse_layer.'}  # fmt: skip # noqa: E501
    state = {}
    for key, value in head.state_dict().items():
        start = next((start for start in names if key.startswith(start)), '')
        renamed = names.get(start, '') + key.removeprefix(start)
        if start == 'embeddings.':
            renamed = renamed[: -len(key.rpartition('.')[2])] + 'proj.' + key.rpartition('.')[2]
        state[renamed] = value
    return state


@pytest.mark.parametrize('part', ['student', 'teacher'])
def test_checkpoints_of_hrda_and_daformer(converter, part, tmp_path, monkeypatch, capsys):
    init_default_scope('mmseg')
    head = randomised(MODELS.build(dict(type='DAFormerHead', in_channels=WIDTHS, channels=8, num_classes=3)))
    attention = randomised(MODELS.build(dict(type='ScaleAttentionHead', in_channels=WIDTHS, channels=8, num_classes=3)))
    mit = PublishedMiT().state_dict()
    prefix = dict(student='model.', teacher='ema_model.')[part]
    backbone = {f'{prefix}backbone.{key}': value for key, value in mit.items()}
    hrda = backbone | {f'{prefix}decode_head.head.{key}': value for key, value in as_published(head).items()}
    hrda |= {f'{prefix}decode_head.scale_attention.{key}': value for key, value in as_published(attention).items()}
    hrda['imnet_model.backbone.norm1.weight'] = torch.zeros(8)
    torch.save(dict(state_dict=hrda), tmp_path / 'in.pth')
    monkeypatch.setattr(
        sys, 'argv', ['daformer.py', str(tmp_path / 'in.pth'), str(tmp_path / 'out.pth'), '--part', part]
    )
    converter.main()
    assert 'attention_head, backbone, decode_head' in capsys.readouterr().out
    converted = torch.load(tmp_path / 'out.pth')['state_dict']
    network = MODELS.build(
        dict(
            type='HRDAEncoderDecoder',
            backbone=dict(type='MiT', embed_dims=8, num_heads=list(HEADS), num_layers=list(DEPTHS), qkv_bias=True),
            decode_head=dict(type='DAFormerHead', in_channels=WIDTHS, channels=8, num_classes=3),
            attention_head=dict(type='ScaleAttentionHead', in_channels=WIDTHS, channels=8, num_classes=3),
            detail_size=(32, 32),
        )
    )
    network.load_state_dict(converted, strict=True)
    assert all(torch.equal(value, head.state_dict()[key]) for key, value in network.decode_head.state_dict().items())
    plain = backbone | {f'{prefix}decode_head.{key}': value for key, value in as_published(head).items()}
    found = converter.convert(plain, part)
    assert {key.partition('.')[0] for key in found} == {'backbone', 'decode_head'}


@pytest.mark.parametrize(
    ('weights', 'said'),
    [
        ({'layer1.0.conv1.weight': 0}, "no model.backbone.patch_embed1.*it holds keys like 'layer1.0.conv1.weight'"),
        ({'patch_embed1.proj.weight': 0, 'mystery.weight': 0}, "unknown key 'mystery.weight' of a MiT"),
    ],
)
def test_other_files_are_refused(converter, weights, said):
    with pytest.raises(ValueError, match=said):
        converter.convert({key: torch.zeros(1) for key in weights})
