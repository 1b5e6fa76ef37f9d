"""A flow estimator whose package, weights or cache are not there."""

import copy
import sys
from importlib.util import find_spec

import pytest
import torch
from helpers import data_sample, domain_batch, optimizers, tiny_i2vda
from mmseg.registry import MODELS

from i2vda_mmseg.flow import UnavailableFlow, build_flow_estimator

ABSENT = dict(type='MMFlow', model='flownet2_nvidia', checkpoint='no/where.pth')
MESSAGE = (
    r'There is no flow checkpoint no/where\.pth: '
    r'python tools/model_converters/flownet2_nvidia\.py FlowNet2_checkpoint\.pth\.tar no/where\.pth'
)


@pytest.fixture(scope='module')
def model():
    return tiny_i2vda(flow_estimator=ABSENT)


def test_on_its_own_it_is_refused_at_once():
    with pytest.raises(FileNotFoundError, match=MESSAGE):
        MODELS.build(ABSENT)


@pytest.mark.parametrize('mode', ['predict', 'tensor'])
def test_i2vda_works_at_test_time_without_it(model, mode):
    model.eval()
    image = 255 * torch.rand(3, 32, 48)
    if mode == 'tensor':
        assert model(image[None], mode='tensor').shape[1] == 3
    else:
        sample = data_sample(ori_shape=(32, 48), img_shape=(32, 48))
        (result,) = model.test_step(dict(inputs=[image], data_samples=[sample]))
        assert result.pred_sem_seg.data.shape == (1, 32, 48)


def test_training_is_refused_before_its_first_iteration(model):
    with pytest.raises(FileNotFoundError, match=f'^{MESSAGE}$'):
        model.init_weights()  # what the Runner calls first, with and without --resume
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(FileNotFoundError, match=MESSAGE):
        model.train_step(domain_batch(), optimizers(model))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='CachedFlow', root='no/cache'), 'no/cache'),
        (dict(type='MMFlow', model='pwcnet'), 'MMFlow needs mmflow, which is not installed: python -m pip install'),
    ],
)
def test_what_else_may_be_missing(monkeypatch, config, message):
    for name in [name for name in sys.modules if name.split('.')[0] == 'mmflow']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'mmflow', None)
    estimator = build_flow_estimator(config)
    assert isinstance(estimator, UnavailableFlow)
    assert not estimator.train().training
    with pytest.raises((ImportError, FileNotFoundError), match=message):
        estimator.check_available()
    with pytest.raises((ImportError, FileNotFoundError), match=message):
        estimator(*torch.zeros(2, 1, 3, 8, 16))


@pytest.mark.skipif(find_spec('mmflow') is None, reason='mmflow is not installed')
def test_weights_that_do_not_fit_and_wrong_names_are_told_at_once(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(dict(weight=torch.zeros(1)), path)
    with pytest.raises(ValueError, match=r'weights\.pth does not fit MMFlow'):
        tiny_i2vda(flow_estimator=dict(type='MMFlow', model='raft', checkpoint=str(path)))
    with pytest.raises(ValueError, match='model must be one of'):
        build_flow_estimator(dict(type='MMFlow', model='flownet3'))


def test_an_estimator_that_is_there_is_available_and_frozen():
    estimator = build_flow_estimator(dict(type='TinyFlow'))
    assert estimator.check_available() is None
    assert not isinstance(estimator, UnavailableFlow)
    assert not any(parameter.requires_grad for parameter in estimator.parameters())
