import os
import signal
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from i2vda_mmseg.apis.checked_runner import CheckedRunner
from i2vda_mmseg.apis.launch import build_runner, load_config, resume_from
from i2vda_mmseg.engine.hooks.preemption_hook import SIGNALS, PreemptionHook
from i2vda_mmseg.errors import ConfigError


@pytest.fixture
def config(tmp_path):
    """What the launch functions look at, before anything is built."""
    return Config(dict(
        work_dir=str(tmp_path), load_from='init.pth', resume=False, env_cfg=dict(dist_cfg=dict(backend='nccl')),
    ))  # fmt: skip


@pytest.fixture
def cuda(monkeypatch):
    """Say whether torch finds a GPU."""
    return lambda found: monkeypatch.setattr(torch.cuda, 'is_available', lambda: found)


@pytest.fixture
def started(monkeypatch):
    """Record what would be started instead of starting it."""
    calls = dict(gloo=[], runners=[])
    monkeypatch.setattr(torch.distributed, 'init_process_group', lambda **options: calls['gloo'].append(options))
    monkeypatch.setattr(Runner, 'from_cfg', calls['runners'].append)
    return calls


def written(path, text="model = dict(type='SourceOnly')\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_resume_auto_without_a_checkpoint_starts_afresh(config):
    resume_from(config, 'auto')
    assert (config.resume, config.load_from) == (False, 'init.pth')


def test_resume_auto_finds_the_latest_checkpoint(config, tmp_path):
    for iteration in (900, 1000):
        torch.save(dict(meta={}, state_dict={}, optimizer={}, message_hub={}), tmp_path / f'iter_{iteration}.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_1000.pth'))
    resume_from(config, 'auto')
    assert (config.resume, config.load_from) == (True, str(tmp_path / 'iter_1000.pth'))


def test_resume_from_a_named_checkpoint(config, tmp_path):
    for name in ('here.pth', 'iter_1000.pth'):
        (tmp_path / name).touch()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_1000.pth'))
    resume_from(config, str(tmp_path / 'here.pth'))
    assert (config.resume, config.load_from) == (True, str(tmp_path / 'here.pth'))


@pytest.mark.parametrize('how', ['named', 'auto'])
def test_resume_from_a_checkpoint_that_is_gone(config, tmp_path, how):
    absent = tmp_path / 'gone.pth'
    (tmp_path / 'last_checkpoint').write_text(str(absent))
    with pytest.raises(FileNotFoundError, match=f'--resume: no checkpoint at {absent}'):
        resume_from(config, 'auto' if how == 'auto' else str(absent))
    assert (config.resume, config.load_from) == (False, 'init.pth')


def test_ranks_without_a_gpu_talk_through_gloo(cuda, started, config, monkeypatch):
    cuda(False)
    for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.setenv(name, '0')
    build_runner(config, 'pytorch')
    assert started == dict(gloo=[dict(backend='gloo')], runners=[config])
    assert (config.launcher, config.env_cfg.dist_cfg.backend) == ('pytorch', 'gloo')


@pytest.mark.parametrize(('launcher', 'found'), [('pytorch', True), ('slurm', True), ('none', False), ('none', True)])
def test_the_runner_starts_everything_else(cuda, started, config, launcher, found):
    cuda(found)
    build_runner(config, launcher)
    assert started == dict(gloo=[], runners=[config])
    assert (config.launcher, config.env_cfg.dist_cfg.backend) == (launcher, 'nccl')


@pytest.mark.parametrize(('place', 'expected'), [
    ('configs/i2vda/net.py', 'work_dirs/i2vda/net'),
    ('configs/i2vda/ablations/net_eta-2.0.py', 'work_dirs/i2vda/ablations/net_eta-2.0'),
    ('configs/net.py', 'work_dirs/net'),
    ('configs/old/configs/mine/net.py', 'work_dirs/mine/net'),
    ('elsewhere/net.py', 'work_dirs/elsewhere/net'),
])  # fmt: skip
def test_default_work_dir(tmp_path, place, expected):
    assert load_config(written(tmp_path / place)).work_dir == expected.replace('/', os.sep)


def test_default_work_dir_does_not_depend_on_the_folder_of_the_call(tmp_path, monkeypatch):
    written(tmp_path / 'configs/i2vda/net.py')
    monkeypatch.chdir(tmp_path / 'configs')
    assert Path(load_config('i2vda/net.py').work_dir) == Path('work_dirs/i2vda/net')
    monkeypatch.chdir(tmp_path / 'configs/i2vda')
    assert Path(load_config('net.py').work_dir) == Path('work_dirs/i2vda/net')


def test_a_work_dir_that_is_named(tmp_path):
    path = written(tmp_path / 'configs/i2vda/net.py', "work_dir = 'own'\n")
    assert load_config(path).work_dir == 'own'
    assert load_config(path, {'work_dir': 'option'}).work_dir == 'option'
    assert load_config(path, {'work_dir': 'option'}, 'argument').work_dir == 'argument'


def test_missing_config(tmp_path):
    for path in (tmp_path / 'absent.py', tmp_path):  # a folder is no config either
        with pytest.raises(FileNotFoundError, match=f'no config file at {path};'):
            load_config(str(path))


def test_a_run_logs_to_its_work_dir_whatever_else_it_logs_to(cuda, started, config):
    config.visualizer = dict(type='SegLocalVisualizer', vis_backends=[dict(type='TensorboardVisBackend')])
    build_runner(config)
    assert [each.type for each in config.visualizer.vis_backends] == ['LocalVisBackend', 'TensorboardVisBackend']
    build_runner(config)
    assert len(config.visualizer.vis_backends) == 2


def test_unused_parameters_are_looked_for_in_the_networks_of_a_method(cuda, started, config):
    config.model_wrapper_cfg = dict(type='MMSeparateDistributedDataParallel', device_ids=None)
    config.find_unused_parameters = True
    build_runner(config)
    assert config.model_wrapper_cfg.find_unused_parameters is True


def test_two_bases_with_one_key_say_where_the_recipe_is(tmp_path):
    for name in ('a', 'b'):
        written(tmp_path / f'{name}.py')
    path = written(tmp_path / 'c.py', "_base_ = ['a.py', 'b.py']\n")
    with pytest.raises(ConfigError, match=r'c\.py.*model.*docs/networks\.md'):
        load_config(path)


def test_a_package_that_cannot_be_imported_is_one_line(tmp_path):
    path = written(
        tmp_path / 'c.py', "custom_imports = dict(imports=['no_such_package'], allow_failed_imports=False)\n"
    )
    with pytest.raises(ConfigError, match=r'c\.py: ImportError: Failed to import custom modules') as caught:
        load_config(path)
    assert 'no_such_package' in str(caught.value)
    assert '\n' not in str(caught.value)


class Failing(BaseModel):
    """Fails in its first iteration."""

    def forward(self, *args, **kwargs):
        """Say what it found of the signals."""
        raise RuntimeError(
            f'SIGTERM is {"watched" if "PreemptionHook" in repr(signal.getsignal(signal.SIGTERM)) else "not watched"}'
        )


def test_a_training_that_fails_gives_the_signals_back(tmp_path):
    before = [signal.getsignal(number) for number in SIGNALS]
    model = Failing()
    model.weight = torch.nn.Parameter(torch.zeros(1))
    runner = CheckedRunner(
        model=model,
        work_dir=str(tmp_path),
        train_dataloader=DataLoader([dict(x=0)]),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=1),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[PreemptionHook()],
        experiment_name='failing',
    )
    with pytest.raises(RuntimeError, match='SIGTERM is watched'):
        runner.train()
    assert [signal.getsignal(number) for number in SIGNALS] == before
