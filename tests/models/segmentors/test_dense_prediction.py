"""What a network is asked when a method is built around it."""

from copy import deepcopy

import pytest
import torch
from helpers import MEAN, STD, data_sample, tiny_method
from mmseg.registry import METRICS, MODELS
from networks import networks

from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors.dense_prediction import predict_logits
from i2vda_mmseg.models.segmentors.reading import whole_image_metas


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


def scores_of(network, images):
    """What a head of masks gives, as probabilities: they add up to 1 in each pixel."""
    scores = type(network).encode_decode(network, images, whole_image_metas(images))
    assert (scores.sum(dim=1) - 1).abs().max() > 0.1
    return scores / scores.sum(dim=1, keepdim=True)


@torch.no_grad()
@pytest.mark.parametrize('kind', ['method', 'plain'])
def test_predictions_hold_logits_whatever_the_head_predicts(kind):
    torch.manual_seed(0)
    config = networks()['queries']
    preprocessor = dict(type='SegDataPreProcessor', mean=MEAN, std=STD)
    model = tiny_method('SourceOnly', segmentor=config)
    if kind == 'plain':
        model = MODELS.build(dict(config, data_preprocessor=preprocessor))
    network = getattr(model.eval(), 'segmentor', model)
    frame = torch.randint(256, (32, 48, 3), dtype=torch.uint8).numpy()
    steps = [dict(type='PackSegInputs', meta_keys=('img_shape', 'ori_shape'))]
    predictor = FramePredictor(model, steps, [[0, 0, 0]] * 3)
    predict_logits(model)  # once more changes nothing
    images = (torch.from_numpy(frame).permute(2, 0, 1)[None].float() - vector(MEAN)) / vector(STD)
    expected = scores_of(network, images)[0]
    torch.testing.assert_close(predictor.probabilities(frame), expected)
    assert expected.max() - expected.min() > 0.2
    assert torch.equal(predictor(frame).long(), expected.argmax(dim=0))
    copied = deepcopy(model)
    for parameter in copied.parameters():
        parameter.mul_(1.5)
    labels = FramePredictor(copied, steps, [[0, 0, 0]] * 3).probabilities(frame)
    torch.testing.assert_close(labels, scores_of(getattr(copied, 'segmentor', copied), images)[0])


def vector(values):
    return torch.tensor(values).view(3, 1, 1)


@torch.no_grad()
def test_criteria_without_labels_see_probabilities_of_masks():
    torch.manual_seed(0)
    model = tiny_method('SourceOnly', segmentor=networks()['queries']).eval()
    images = torch.randn(1, 3, 32, 48)
    (sample,) = model(images, [data_sample(**whole_image_metas(images)[0])], mode='predict')
    metric = METRICS.build(dict(type='LabelFreeSelection'))
    metric.process({}, [sample.to_dict()])
    probs = scores_of(model.segmentor, images)[0].flatten(1).T
    (frame,) = metric.results
    assert frame.rows.shape == (32, 3)
    assert torch.cdist(frame.rows, probs).amin(dim=1).max() < 1e-5  # each is that of a pixel
    assert (frame.rows.amax(dim=1) - frame.rows.amin(dim=1)).min() > 0.2


@torch.no_grad()
def test_bands_of_masks_are_averaged_as_probabilities():
    torch.manual_seed(0)
    model = tiny_method('MultiBandSegmentor', segmentor=networks()['queries'], checkpoints=['never read']).eval()
    images = torch.randn(1, 3, 32, 48)
    (sample,) = model(images, [data_sample(**whole_image_metas(images)[0])], mode='predict')
    expected = sum(scores_of(network, images) for network in (model.segmentor, *model.bands)) / 2
    torch.testing.assert_close(sample.seg_logits.data.softmax(dim=0), expected[0])
