"""Which settings of mmseg's losses act inside a method, and which are refused."""

import pytest
import torch
from helpers import batch_of, tiny_method
from networks import fcn, network, with_some_ignored

from i2vda_mmseg.errors import ConfigError

OHEM = dict(type='OHEMPixelSampler', thresh=0.7, min_kept=50)


def built(config):
    torch.manual_seed(0)
    return tiny_method('SourceOnly', segmentor=config).train()


def source_of(model):
    return with_some_ignored(batch_of(model, source_size=(64, 96), target_size=(64, 128))['source'])


def test_the_label_that_a_head_ignores_and_255_are_both_ignored():
    model = built(network(fcn(dropout_ratio=0, ignore_index=2)))
    model.segmentor.decode_head.loss_decode.avg_non_ignore = True
    source = source_of(model)
    learnt = model.supervised_source(source)
    logits = model.upsampled(learnt.coarse()['main'], source['inputs'])
    labels = source['labels'].where(source['labels'] != 2, 255)
    assert set(labels.unique().tolist()) == {0, 1, 255}
    torch.testing.assert_close(
        learnt.losses['loss_seg'], torch.nn.functional.cross_entropy(logits, labels, ignore_index=255)
    )


@pytest.mark.parametrize('sampler', [None, OHEM])
def test_focal_loss(sampler):
    """Lin et al., ICCV 2017, for each class on its own: the mean of a_t (1 - p_t)^gamma (-log p_t)."""
    options = dict(class_weight=[1.0, 2.0, 5.0], alpha=[0.3, 0.5, 0.2], gamma=1.5, loss_weight=2.0)
    loss_decode = dict(type='FocalLoss', **options)
    model = built(network(fcn(dropout_ratio=0, loss_decode=loss_decode, sampler=sampler)))
    source = source_of(model)
    learnt = model.supervised_source(source)
    logits = model.upsampled(learnt.coarse()['main'], source['inputs']).double()
    kept = (source['labels'] != 255)[:, None]
    if sampler:
        kept = (
            kept & model.segmentor.decode_head.sampler.sample(logits.float(), source['labels'][:, None])[:, None].bool()
        )
    total = 0
    for index in range(3):
        sign = torch.where(source['labels'] == index, 1.0, -1.0)
        score = sign * logits[:, index]
        balance = torch.where(sign > 0, options['alpha'][index], 1 - options['alpha'][index])
        term = -balance * (-score).sigmoid() ** 1.5 * torch.nn.functional.logsigmoid(score)
        total = total + options['class_weight'][index] * term[kept[:, 0]].sum()
    torch.testing.assert_close(learnt.losses['loss_seg'].double(), 2 * total / logits.numel(), rtol=1e-5, atol=0)


@pytest.mark.parametrize(('options', 'message'), [
    (dict(loss_decode=dict(type='CrossEntropyLoss', class_weight=[1.0] * 4)), r'loss_decode\.class_weight: 4 .* 3 '),
    (dict(loss_decode=[dict(type='DiceLoss'), dict(type='FocalLoss', alpha=[0.5])]), r'loss_decode\.1\.alpha: 1 .* 3 '),
    (dict(loss_decode=dict(type='OhemCrossEntropy')), r'loss_decode: OhemCrossEntropy cannot .*weight'),
    (dict(loss_decode=dict(type='DiceLoss'), sampler=OHEM), 'DiceLoss with OHEMPixelSampler cannot'),
])  # fmt: skip
def test_losses_that_cannot_be_computed_are_refused_when_the_model_is_built(options, message):
    with pytest.raises(ConfigError, match=rf'model\.segmentor\.decode_head.*{message}'):
        built(network(fcn(**options)))


def test_class_weights_stand_beside_ignored_labels():
    """mmseg's cross entropy with ``avg_non_ignore`` and class weights fails on its own mask."""
    loss = dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0, 5.0], avg_non_ignore=True)
    model = built(network(fcn(dropout_ratio=0, loss_decode=loss)))
    source = source_of(model)
    learnt = model.supervised_source(source)
    logits = model.upsampled(learnt.coarse()['main'], source['inputs'])
    expected = torch.nn.functional.cross_entropy(
        logits, source['labels'], weight=torch.tensor([1.0, 2.0, 5.0]), ignore_index=255
    )
    torch.testing.assert_close(learnt.losses['loss_seg'], expected)
