import numpy as np
import pytest
import torch
from helpers import MEAN, STD, tiny_segmentor_cfg
from mmengine.config import Config
from mmseg.registry import MODELS

from i2vda_mmseg.apis.export import export_checkpoint
from i2vda_mmseg.engine.frame_predictor import FramePredictor

FRAME = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
DATASET = dict(type='CityscapesSeqDataset', class_space='viper15', data_root='absent', pipeline=[
    dict(type='LoadImage'), dict(type='PackSegInputs', meta_keys=('img_shape', 'ori_shape'))])  # fmt: skip


def config(method=None, classes=15):
    normal = dict(mean=MEAN, std=STD)
    if method:
        preprocessor = dict(type='DomainDataPreprocessor', **normal)
        model = dict(type=method, segmentor=tiny_segmentor_cfg(classes), data_preprocessor=preprocessor)
    else:
        preprocessor = dict(type='SegDataPreProcessor', bgr_to_rgb=False, **normal)
        model = dict(tiny_segmentor_cfg(classes), data_preprocessor=preprocessor)
    return Config(dict(model=model, test_dataloader=dict(dataset=DATASET)))


def saved(path, state, **more):
    torch.save(dict(state_dict=state, meta={}, **more), path)
    return path


def test_a_plain_network_without_its_weights_is_refused(tmp_path):
    foreign = saved(tmp_path / 'foreign.pth', {'foo': torch.zeros(1)})
    with pytest.raises(ValueError, match=r"foreign\.pth .* (\d+) of the \1 weights .*backbone\.conv\.weight.*'foo'"):
        FramePredictor.load(config(), foreign)
    with pytest.raises(ValueError, match=r"lacks .* weights of the network.*'segmentor\.foo'"):
        FramePredictor.load(config('SourceOnly'), foreign)

    state = MODELS.build(config().model).state_dict()
    fewer = {key: value for key, value in state.items() if key != 'decode_head.convs.0.bias'}
    with pytest.raises(ValueError, match=r'1 of the .*such as .decode_head\.convs\.0\.bias'):
        FramePredictor.load(config(), saved(tmp_path / 'fewer.pth', fewer))
    with pytest.raises(ValueError, match=r'decode_head.* is \(.*\) in the file and \(12, .*in the model'):
        FramePredictor.load(config(classes=12), saved(tmp_path / 'other.pth', state))
    method = saved(tmp_path / 'method.pth', {f'segmentor.{key}': value for key, value in state.items()})
    with pytest.raises(ValueError, match=r'what tools/export\.py makes of the checkpoint'):
        FramePredictor.load(config(), method)


def test_one_network_in_three_checkpoints(tmp_path):
    """A method's checkpoint, and its export in the method's config and in a plain one."""
    model = MODELS.build(config('SourceOnly').model)
    checkpoint = saved(tmp_path / 'iter_6.pth', model.state_dict())
    export = export_checkpoint(str(checkpoint), str(tmp_path / 'export.pth'))
    labels = [
        FramePredictor.load(config(method), path)(FRAME)
        for method, path in (('SourceOnly', checkpoint), ('SourceOnly', export), (None, export))
    ]
    assert labels[0].shape == (12, 20)
    assert len(labels[0].unique()) > 1
    assert torch.equal(labels[0], labels[1])
    assert torch.equal(labels[0], labels[2])
