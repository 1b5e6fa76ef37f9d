from importlib.util import find_spec

import pytest
from built_leaf import CONFIGS
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

from i2vda_mmseg.apis.complexity import measure_complexity
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.errors import ConfigError


@pytest.fixture
def config():
    return load_config(str(CONFIGS / 'i2vda/deeplabv2_r18_streetworld.py'))


def test_operations_of_the_head_are_counted_as_they_can_be_by_hand(config):
    head = config.model.segmentor.decode_head
    size = (64, 128)  # features of an eighth
    wide = measure_complexity(config, size)
    head.dilations = (6, 12)
    narrow = measure_complexity(config, size)
    weights = 2 * 9 * head.in_channels * head.num_classes  # of two branches of 3x3
    assert wide.parameters - narrow.parameters == weights + 2 * head.num_classes
    assert wide.flops - narrow.flops == weights * (64 // 8 + 1) * (128 // 8 + 1)
    assert wide.seconds is None


def test_the_size_is_the_one_of_the_test_unless_it_is_given(config):
    found = measure_complexity(config, frames=1)
    assert found.size == (96, 192)
    assert found.seconds > 0
    config.test_dataloader.dataset.pipeline = []
    with pytest.raises(ConfigError, match='there is no Resize to a scale; give --size H W'):
        measure_complexity(config)


def test_networks_of_two_frames_are_refused():
    config = load_config(str(CONFIGS / 'davsn/deeplabv2_r18_streetworld.py'))
    with pytest.raises(ConfigError, match='TwoFrameEncoderDecoder takes two frames and flow'):
        measure_complexity(config)


def test_a_resize_to_a_square_is_one_number(config):
    config.test_dataloader.dataset.pipeline = [dict(type='Resize', scale=64)]
    assert measure_complexity(config).size == (64, 64)


@pytest.mark.skipif(find_spec('transformers') is None, reason='transformers is not installed')
def test_a_network_without_a_backbone_is_counted(config):
    network = dict(
        model_type='segformer', depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32], decoder_hidden_size=16,
        num_attention_heads=[1, 1, 2, 4],
    )  # fmt: skip
    config.model.segmentor = ConfigDict(
        type='HFSegmentor', config=network, num_classes=15, pretrained='no/such/weights'
    )
    found = measure_complexity(config, (64, 96))
    assert found.parameters == sum(
        p.numel() for p in MODELS.build(dict(config.model.segmentor, pretrained=None)).parameters()
    )
    assert found.flops > 0
