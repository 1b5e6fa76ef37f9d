"""Accumulation, mixed precision and NaN in whole runs."""

import shutil

import pytest
import torch
from mmseg.models.losses import CrossEntropyLoss

from i2vda_mmseg.apis.launch import build_runner
from i2vda_mmseg.apis.mixed_precision import use_amp
from i2vda_mmseg.errors import NonFiniteError


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def goes_on_from(whole, name, folder):
    folder.mkdir()
    shutil.copy(whole / name, folder)
    (folder / 'last_checkpoint').write_text(str(folder / name))


@pytest.fixture
def run(tiny_config, tmp_path):
    def run(name, method='i2vda', amp=False, **options):
        config = tiny_config(method, tmp_path / name, **{'train_cfg.val_begin': 100}, **options)
        if amp:
            use_amp(config)
        if (tmp_path / name / 'last_checkpoint').exists():
            config.resume, config.load_from = True, (tmp_path / name / 'last_checkpoint').read_text()
        build_runner(config).train()
        return tmp_path / name

    return run


def test_a_run_in_bfloat16_is_resumed_bit_for_bit(run, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    whole = run('whole', amp=True)
    goes_on_from(whole, 'iter_3.pth', tmp_path / 'resumed')
    resumed = run('resumed', amp=True)
    assert same(weights(whole / 'iter_6.pth'), weights(resumed / 'iter_6.pth'))
    assert not same(weights(whole / 'iter_3.pth'), weights(whole / 'iter_6.pth'))


def test_a_run_with_accumulation_is_resumed_bit_for_bit(run, tmp_path):
    """Windows of three in seven iterations: steps after the third, the sixth and, by itself, the seventh."""
    options = {
        'optim_wrapper.segmentor.accumulative_counts': 3,
        'optim_wrapper.discriminator.accumulative_counts': 3,
        'train_cfg.max_iters': 7,
    }
    whole = run('whole', 'adaptsegnet', **options)
    goes_on_from(whole, 'iter_3.pth', tmp_path / 'resumed')
    resumed = run('resumed', 'adaptsegnet', **options)
    before, end = weights(whole / 'iter_6.pth'), weights(whole / 'iter_7.pth')
    moved = {key.partition('.')[0] for key in end if key.endswith('weight') and not torch.equal(before[key], end[key])}
    assert moved == {'segmentor', 'discriminator'}
    assert same(end, weights(resumed / 'iter_7.pth'))


def test_a_nan_keeps_the_last_good_checkpoint(run, tmp_path, monkeypatch):
    calls = []

    def forward(self, *args, **kwargs):
        calls.extend([self] * torch.is_grad_enabled())  # settings are tried without gradient at build
        return loss(self, *args, **kwargs) * (float('nan') if len(calls) == 5 else 1.0)

    loss = CrossEntropyLoss.forward
    monkeypatch.setattr(CrossEntropyLoss, 'forward', forward)
    with pytest.raises(NonFiniteError) as caught:
        run('run', 'source_only')
    message = str(caught.value)
    assert 'training stopped in iteration 5 of 6: the gradient of segmentor is not finite' in message
    assert 'Loss terms: loss_seg=nan' in message
    assert message.count('source ') >= 2
    assert message.count('viper/train/img') == 2
    folder = tmp_path / 'run'
    assert [path.name for path in folder.glob('*.pth')] == ['iter_3.pth']
    assert (folder / 'last_checkpoint').read_text().endswith('iter_3.pth')
    assert all(value.isfinite().all() for value in weights(folder / 'iter_3.pth').values())
