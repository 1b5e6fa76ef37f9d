"""What the runner loads: into a method or a plain network, wrapped or not, of the same classes or of others."""

import pytest
import torch
from helpers import assert_same_state, sharpen, state_of, tiny_method, tiny_segmentor_cfg
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from staged_runs import make_trees, staged_config
from torch import nn

from i2vda_mmseg.apis.checked_runner import CheckedRunner

BEFORE = ['crate', 'sky', 'road', 'box', 'car']


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return make_trees(tmp_path_factory.mktemp('trees'))


@pytest.fixture
def runner(data, tmp_path):
    def build(kind, checkpoint):
        config = staged_config(data, tmp_path / 'run', load_from=str(checkpoint))
        if kind == 'plain':
            config.model = config.model.segmentor
        return CheckedRunner.from_cfg(config)

    return build


@pytest.fixture
def checkpoint(tmp_path):
    """Of a method with five classes, two of which are among the fifteen of the data."""
    init_default_scope('mmseg')
    torch.manual_seed(1)
    model = sharpen(tiny_method('SourceOnly', num_classes=5))
    meta = dict(dataset_meta=dict(classes=BEFORE))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), tmp_path / 'five.pth')
    return tmp_path / 'five.pth', state_of(model.segmentor)


@pytest.mark.parametrize('kind', ['method', 'wrapped', 'plain'])
def test_a_new_head_keeps_all_weights_but_the_classifier(runner, checkpoint, kind):
    path, given = checkpoint
    run = runner(kind, path)
    network = run.model if kind == 'plain' else run.model.segmentor
    if kind == 'wrapped':
        run.model.segmentor = nn.DataParallel(network)  # as a rank's wrapper: names say segmentor.module
    run.new_head = True
    run.load_or_resume()
    assert_same_state(network.backbone, {k.removeprefix('backbone.'): v for k, v in given.items() if 'backbone' in k})
    classes = list(run.train_dataloader.dataset.metainfo['classes'])
    for name in ('road', 'car'):
        expected = given['decode_head.convs.0.weight'][BEFORE.index(name)]
        assert torch.equal(network.decode_head.convs[0].weight[classes.index(name)], expected)


def test_a_plain_network_takes_its_own_checkpoint_and_no_methods(runner, tmp_path):
    init_default_scope('mmseg')
    method = tiny_method('SourceOnly', num_classes=15)
    torch.save(dict(state_dict=method.state_dict()), tmp_path / 'method.pth')
    with pytest.raises(ValueError, match=r"method\.pth does not fit the config: it lacks .*give the method's config"):
        runner('plain', tmp_path / 'method.pth').load_or_resume()
    plain = sharpen(tiny_method('SourceOnly', num_classes=15)).segmentor
    torch.save(
        dict(state_dict={f'module.{key}': value for key, value in plain.state_dict().items()}), tmp_path / 'a.pth'
    )
    run = runner('plain', tmp_path / 'a.pth')
    run.load_or_resume()
    assert_same_state(run.model, state_of(plain))
    assert MODELS.build(tiny_segmentor_cfg(15)).state_dict().keys() == run.model.state_dict().keys()
