"""Heads: logits from features, pseudo-labels from logits."""

from .daformer_head import DAFormerHead
from .dlv2_head import DLV2Head
from .light_head import LightHead
from .occlusion_aware_pseudo_label_head import OcclusionAwarePseudoLabelHead
from .scale_attention_head import ScaleAttentionHead

__all__ = [
    'DAFormerHead', 'DLV2Head', 'LightHead', 'OcclusionAwarePseudoLabelHead', 'ScaleAttentionHead',
]  # fmt: skip
