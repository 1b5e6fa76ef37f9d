"""One frame for methods of one frame; pinned memory where there is a GPU."""

import pytest
import torch

from i2vda_mmseg.apis.config_loading import complete_loading
from i2vda_mmseg.apis.launch import load_config


@pytest.fixture
def completed(request):
    def complete(name, **options):
        config = load_config(str(request.config.rootpath / f'configs/{name}.py'), options or None)
        complete_loading(config)
        return config

    return complete


def loading(config):
    return [step for step in config.train_dataloader.dataset.target.pipeline if step.type == 'LoadFramePair']


@pytest.mark.parametrize('name', [
    'source_only/deeplabv2_r18_streetworld', 'adaptsegnet/deeplabv2_r101_viper2cs', 'fda/deeplabv2_r18_streetworld',
    'cbst/deeplabv2_r18_streetworld', 'intrada/deeplabv2_r18_streetworld', 'hrda/deeplabv2_r101_viper2cs',
    'mic/deeplabv2_r18_streetworld',
])  # fmt: skip
def test_methods_of_single_frames_read_one(completed, name):
    assert [step.only_last for step in loading(completed(name))] == [True]


@pytest.mark.parametrize('name', [
    'i2vda/deeplabv2_r18_streetworld', 'davsn/deeplabv2_r18_streetworld', 'tps/deeplabv2_r101_viper2cs',
    'dacs/deeplabv2_r18_streetworld_temporal',
    'mic/daformer_mit-b5_viper2cs_video-discriminator',
])  # fmt: skip
def test_methods_of_pairs_read_all(completed, name):
    assert not any('only_last' in step for step in loading(completed(name)))


def test_pairs_are_read_wherever_in_the_model_flow_is_asked_for(completed, request):
    folder = request.config.rootpath / 'configs'
    leaves = [path for word in ('refined', 'temporal') for path in folder.glob(f'*/*_{word}*.py')]
    assert len(leaves) >= 7
    names = [path.relative_to(folder).with_suffix('').as_posix() for path in leaves]
    assert [name for name in names if any('only_last' in step for step in loading(completed(name)))] == []
    asked = {'model.refinement': dict(type='PseudoLabelRefinement', flow_estimator=dict(type='DISFlow'))}
    assert 'only_last' not in loading(completed('dacs/deeplabv2_r18_streetworld', **asked))[0]


def test_a_discriminator_of_two_frames_alone_reads_both(completed):
    judge = {'model.discriminator': dict(type='FCDiscriminator', in_channels=30)}
    assert 'only_last' not in loading(completed('mic/daformer_mit-b5_viper2cs', **judge))[0]


def test_what_a_config_says_stays(completed):
    options = {'train_dataloader.dataset.target.pipeline.0.only_last': False, 'train_dataloader.pin_memory': False}
    config = completed('adaptsegnet/deeplabv2_r18_streetworld', **options)
    assert not loading(config)[0].only_last
    assert not config.train_dataloader.pin_memory


def test_a_step_that_may_look_at_both_frames_is_shown_both(completed):
    joint = {'train_dataloader.dataset.joint_pipeline': [dict(type='MyStep')]}
    assert 'only_last' not in loading(completed('adaptsegnet/deeplabv2_r18_streetworld', **joint))[0]


def test_memory_is_pinned_where_there_is_a_gpu(completed, monkeypatch):
    assert 'pin_memory' not in completed('i2vda/deeplabv2_r18_streetworld').train_dataloader
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    config = completed('i2vda/deeplabv2_r18_streetworld')
    assert config.train_dataloader.pin_memory
    assert config.val_dataloader.pin_memory
