import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

import i2vda_mmseg  # noqa: F401 - registers the head


def test_as_many_parameters_as_published():
    init_default_scope('mmseg')
    head = MODELS.build(dict(type='ScaleAttentionHead', in_channels=(64, 128, 320, 512), num_classes=19))
    assert sum(parameter.numel() for parameter in head.parameters()) == 530_707
    maps = [torch.randn(2, each, 16 >> i, 24 >> i) for i, each in enumerate((64, 128, 320, 512))]
    assert head(maps).shape == (2, 19, 16, 24)
