import pytest
import torch
from mmengine.config import Config

from i2vda_mmseg.apis.mixed_precision import use_amp
from i2vda_mmseg.errors import ConfigError


@pytest.fixture
def machine(monkeypatch):
    """Say what torch finds: no GPU, one of before bfloat16, or one with it."""

    def pretend(gpu, bf16=False):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
        monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: bf16)
        monkeypatch.setattr(torch.cuda, 'get_device_name', lambda: 'a GPU')

    return pretend


def optimizer_config(**wrappers):
    wrappers = {name: dict(optimizer=dict(type='SGD', lr=0.1)) | options for name, options in wrappers.items()}
    settings = dict(constructor='SeparateOptimWrapperConstructor', backbone_steps='released')
    return Config(dict(optim_wrapper=settings | wrappers))


@pytest.mark.parametrize(('gpu', 'bf16', 'dtype', 'kind'), [
    (False, False, 'bfloat16', 'Bfloat16OptimWrapper'),
    (True, True, 'bfloat16', 'Bfloat16OptimWrapper'),
    (True, False, 'float16', 'AmpOptimWrapper'),
])  # fmt: skip
def test_amp_takes_what_the_machine_has(machine, capsys, gpu, bf16, dtype, kind):
    machine(gpu, bf16)
    config = optimizer_config(segmentor=dict(type='OptimWrapper', clip_grad=dict(max_norm=1.0)), discriminator=dict())
    assert use_amp(config) == dict(segmentor=dtype, discriminator=dtype)
    wrappers = config.optim_wrapper
    assert wrappers.constructor == 'SeparateOptimWrapperConstructor'
    assert [wrappers[name].type for name in ('segmentor', 'discriminator')] == [kind, kind]
    assert wrappers.segmentor.clip_grad == dict(max_norm=1.0)
    expected = dict(dtype='float16', loss_scale='dynamic') if kind == 'AmpOptimWrapper' else {}
    options = {'type', 'optimizer'}
    assert {key: value for key, value in wrappers.discriminator.items() if key not in options} == expected


def test_amp_keeps_the_scale_of_a_config_on_a_gpu(machine):
    machine(gpu=True, bf16=True)
    config = optimizer_config(segmentor=dict(type='AmpOptimWrapper', loss_scale=512.0), discriminator=dict())
    assert use_amp(config) == dict(segmentor='float16', discriminator='bfloat16')
    assert config.optim_wrapper.segmentor.loss_scale == 512.0


def test_amp_on_a_cpu_replaces_a_scaler(machine):
    machine(gpu=False)
    config = optimizer_config(segmentor=dict(type='AmpOptimWrapper', loss_scale=512.0, dtype='bfloat16'))
    use_amp(config)
    assert config.optim_wrapper.segmentor == dict(type='Bfloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.1))


def test_float16_is_refused_on_a_cpu(machine):
    machine(gpu=False)
    config = optimizer_config(segmentor=dict(type='AmpOptimWrapper', dtype='float16'))
    with pytest.raises(ConfigError, match=r"optim_wrapper\.segmentor\.type: 'AmpOptimWrapper'.*float16 on a GPU"):
        use_amp(config)


def test_amp_refuses_other_wrappers(machine):
    machine(gpu=True)
    config = optimizer_config(segmentor=dict(), discriminator=dict(type='ApexOptimWrapper'))
    with pytest.raises(ConfigError, match=r"optim_wrapper\.discriminator\.type: .* cannot replace 'ApexOptimWrapper'"):
        use_amp(config)
