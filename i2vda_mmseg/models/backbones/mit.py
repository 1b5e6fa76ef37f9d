"""The Mix Transformer with the norms of NVIDIA's weights."""

from typing import Any

from mmseg.models.backbones import MixVisionTransformer
from mmseg.models.backbones.mit import EfficientMultiheadAttention
from mmseg.models.utils import PatchEmbed
from mmseg.registry import MODELS


@MODELS.register_module()
class MiT(MixVisionTransformer):
    """mmseg's ``MixVisionTransformer`` with an epsilon for each place, as in SegFormer's and DAFormer's code.

    There the norms of blocks and stages have 1e-6, and those inside patch embeddings and spatial reductions PyTorch's
    1e-5, with which the released weights were trained; mmseg gives all of them one.

    Args:
        patch_norm_eps: Epsilon of the norms inside patch embeddings and spatial reductions; 1e-6 as in mmseg.
        **kwargs: Those of ``mmseg.models.MixVisionTransformer``.

    Example:
        >>> net = MiT(embed_dims=8, num_heads=[1, 2, 5, 8], num_layers=[1, 1, 1, 1])
        >>> net.layers[0][0].norm.eps, net.layers[0][1][0].norm1.eps
        (1e-05, 1e-06)
    """

    def __init__(self, patch_norm_eps: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for module in self.modules():
            if isinstance(module, (PatchEmbed, EfficientMultiheadAttention)) and getattr(module, 'norm', None):
                module.norm.eps = patch_norm_eps
