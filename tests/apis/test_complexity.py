import pytest
from built_leaf import CONFIGS

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
