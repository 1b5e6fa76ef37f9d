from collections import Counter

import pytest
import torch
from mmseg.models.backbones import MixVisionTransformer
from torch import nn

from i2vda_mmseg.models.backbones import MiT

B5 = dict(embed_dims=64, num_heads=[1, 2, 5, 8], num_layers=[3, 6, 40, 3], qkv_bias=True)


@pytest.mark.parametrize(('eps', 'expected'), [(1e-5, {1e-6: 108, 1e-5: 53}), (1e-6, {1e-6: 161})])
def test_epsilon_of_each_place(eps, expected):
    """Of the 161 norms of a MiT-B5, four in patch embeddings and 49 in spatial reductions are PyTorch's."""
    with torch.device('cpu'):
        net = MiT(patch_norm_eps=eps, **B5)
    assert Counter(module.eps for module in net.modules() if isinstance(module, nn.LayerNorm)) == expected
    assert sum(parameter.numel() for parameter in net.parameters()) == pytest.approx(81.44e6, rel=1e-3)


def test_otherwise_mmsegs():
    small = dict(embed_dims=8, num_heads=[1, 2, 5, 8], num_layers=[1, 1, 1, 1])
    stock, ours = MixVisionTransformer(**small).eval(), MiT(patch_norm_eps=1e-6, **small).eval()
    ours.load_state_dict(stock.state_dict())
    images = torch.randn(2, 3, 64, 96)
    for first, second in zip(stock(images), ours(images)):
        assert torch.equal(first, second)
