"""What a network is asked when a method is built around it."""

import pytest
from helpers import tiny_method
from networks import networks

from i2vda_mmseg.errors import ConfigError


@pytest.mark.parametrize(('key', 'value'), [('crop_size', 64), ('stride', (8,))])
def test_windows_that_mmseg_cannot_cut_are_refused_when_the_model_is_built(key, value):
    config = networks()['FCN']
    config.test_cfg = dict(dict(mode='slide', crop_size=(64, 64), stride=(32, 32)), **{key: value})
    with pytest.raises(ConfigError, match=rf'^model\.segmentor\.test_cfg\.{key}: .*two'):
        tiny_method('SourceOnly', segmentor=config)


def test_a_network_is_tried_out_before_its_weights_are_drawn_and_keeps_nothing_of_it():
    """Like the text encoder of SAN, whose weights are uninitialised memory at first, and which keeps its features."""
    config = networks()['K-Net']
    config.backbone = dict(type='KeepingBackbone')
    model = tiny_method('SourceOnly', segmentor=config)
    assert model.segmentor.reading.place is not None
    assert model.segmentor.backbone.kept is None
