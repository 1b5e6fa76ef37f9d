"""Which of several target frames a method learns from."""

import pytest
import torch
from helpers import domain_batch, optimizers, ready, state_of, tiny_i2vda, tiny_method
from two_frame import tiny_davsn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors import DomainAdaptiveSegmentor

PSEUDO = ('FDA', 'CBST', 'CRST')


def step(method, *frames):
    """The logged terms and the trained network of a step on target frames, named by their place among three."""
    torch.manual_seed(1)
    options = dict(batch_statistics='target') if method == 'SourceOnly' else {}
    model = ready(tiny_method(method, **options))
    if method == 'SourceOnly':
        model.train()
    batch = domain_batch(pseudo=method in PSEUDO, keys=True)
    third = domain_batch(seed=5)['target']['inputs']
    clips = [torch.cat((pair, other[:1])) for pair, other in zip(batch['target']['inputs'], third)]
    batch['target']['inputs'] = [clip[list(frames)] for clip in clips]
    for sample in batch['target']['data_samples']:
        sample.set_metainfo(dict(frame_keys=tuple('abc'[frame] for frame in frames)))
    return model.train_step(batch, optimizers(model)), model


@pytest.mark.parametrize('method', ['SourceOnly', 'MinEnt', 'AdaptSegNet', 'AdvEnt', 'I2VDA', *PSEUDO])
def test_the_last_of_three_frames_is_the_target(method):
    logged, model = step(method, 0, 1, 2)
    expected, same = step(method, 1, 2)
    assert logged == expected
    assert all(torch.equal(value, state_of(same)[name]) for name, value in state_of(model).items())
    other, changed = step(method, 0, 1)
    assert other != logged or not torch.equal(
        changed.segmentor.backbone.norm.running_mean, model.segmentor.backbone.norm.running_mean
    )
    if method == 'I2VDA':
        assert model.flow_estimator.calls[0][1] == [('b', 'c')] * 2 + [('c', 'b')] * 2


def test_target_images_are_the_normalised_last_frames():
    model = tiny_method('MinEnt')
    frames = torch.rand(2, 3, 3, 8, 12) * 255
    expected = model.data_preprocessor.normalize(frames[:, 2])
    assert torch.equal(DomainAdaptiveSegmentor.target_images(model, dict(frames=frames)), expected)


@pytest.mark.parametrize('method', ['SourceOnly', 'MinEnt', 'AdaptSegNet', 'AdvEnt', *PSEUDO])
def test_a_method_of_single_frames_needs_no_other(method):
    logged, model = step(method, 1, 2)
    alone, same = step(method, 2)
    assert logged == alone
    assert all(torch.equal(value, state_of(same)[name]) for name, value in state_of(model).items())


@pytest.mark.parametrize('make', [
    tiny_i2vda, tiny_davsn,
    lambda: tiny_method('DACS', refinement=dict(type='PseudoLabelRefinement', flow_estimator=dict(type='TinyFlow'))),
], ids=['I2VDA', 'DAVSN', 'refined'])  # fmt: skip
def test_one_frame_is_refused_where_two_are_looked_at(make):
    model = ready(make())
    batch = domain_batch(source_size=(32, 48))
    batch['target']['inputs'] = [clip[1:] for clip in batch['target']['inputs']]
    if hasattr(model, 'source_input'):
        batch['source']['inputs'] = [torch.stack((image, image)) for image in batch['source']['inputs']]
    with pytest.raises(ConfigError, match='last two frames of a sample, and the pipeline gives one'):
        model.train_step(batch, optimizers(model))
