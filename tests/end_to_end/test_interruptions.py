"""Runs that end early, at every kind of moment, and go on."""

import errno
import os
import signal
from pathlib import Path

import pytest
import torch
from bombs import write_bomb
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from i2vda_mmseg.apis.launch import build_runner, resume_after_restart, resume_from
from i2vda_mmseg.engine.checkpoints import UntrustedCheckpointError, read_checkpoint
from i2vda_mmseg.engine.hooks.preemption_hook import PREEMPTED, SIGNALS
from i2vda_mmseg.fileio import atomic as writing
from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically

WALL_CLOCK = ('train/time', 'train/data_time', 'val/time', 'val/data_time')


class KilledError(Exception):
    """Stands in for SIGKILL: nothing that comes after it in the run happens."""


@HOOKS.register_module(force=True)
class Interruption(Hook):
    """Let something happen at a moment of an iteration, the first being 0."""

    priority = 'VERY_HIGH'

    def __init__(self, moment, iteration, deed):
        self.deed = deed
        setattr(self, moment, lambda runner, *_, **__: runner.iter == iteration and self.happen())

    def happen(self):
        if self.deed == 'kill':
            raise KilledError
        os.kill(os.getpid(), self.deed)


@pytest.fixture
def run(tiny_config, tmp_path):
    """Train for six iterations, in a folder, from where it is; checkpoints and validations at 2, 4 and 6."""

    def train(name, interruption=None, method='source_only', **options):
        options = {'train_cfg.val_interval': 2, 'default_hooks.checkpoint.interval': 2} | options
        config = tiny_config(method, tmp_path / name, **options)
        if interruption:
            config.custom_hooks = [dict(type='Interruption', **interruption)]
        resume_from(config, 'auto')
        build_runner(config).train()
        return final(tmp_path / name)

    return train


def final(folder):
    """Read all that must be the same at the end, times apart."""
    checkpoint = read_checkpoint((folder / 'last_checkpoint').read_text())
    hub = checkpoint['message_hub']
    history = {
        key: len(value.data[0]) if key in WALL_CLOCK else value.data[0].tolist()
        for key, value in hub['log_scalars'].items()
    }
    state = {key: checkpoint[key] for key in ('state_dict', 'optimizer', 'param_schedulers', 'random_states')}
    return dict(state, history=history, kept=hub['runtime_info']['keep_ckpt_ids'])


def saved_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix != '.py')


def assert_same(first, second):
    """Compare bit for bit; ``str`` of a float is exact, and takes NaN for NaN."""
    assert first.keys() == second.keys()
    for key in first:
        pairs = flat(first[key]), flat(second[key])
        assert pairs[0].keys() == pairs[1].keys(), key
        assert [place for place in pairs[0] if not equal(pairs[0][place], pairs[1][place])] == [], key


def equal(a, b):
    return torch.equal(a, b) if torch.is_tensor(a) else str(a) == str(b)


def flat(value, place=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    nested = {key: found for name, item in items for key, found in flat(item, (*place, name)).items()}
    return nested or {place: value}


@pytest.fixture(scope='module')
def uninterrupted():
    return {}


@pytest.mark.parametrize(('moment', 'iteration', 'deed'), [
    ('before_val', 4, 'kill'),  # the checkpoint of four is there, its validation is not
    ('before_train_iter', 2, signal.SIGTERM),
    ('after_val_iter', 2, signal.SIGUSR2),
])  # fmt: skip
def test_a_run_that_goes_on_is_the_uninterrupted_one(run, tmp_path, uninterrupted, moment, iteration, deed):
    if not uninterrupted:
        uninterrupted.update(run('whole', method='i2vda'))
    handlers = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(KilledError if deed == 'kill' else SystemExit) as end:
        run('interrupted', dict(moment=moment, iteration=iteration, deed=deed), 'i2vda')
    if deed != 'kill':
        assert end.value.code == PREEMPTED
        saved = iteration + (moment == 'before_train_iter')
        assert Path((tmp_path / 'interrupted/last_checkpoint').read_text()).name == f'iter_{saved}.pth'
        assert [signal.getsignal(number) for number in SIGNALS] == handlers
    else:
        for number, handler in zip(SIGNALS, handlers):
            signal.signal(number, handler)
    found = run('interrupted', method='i2vda')
    if moment == 'before_train_iter' and deed == signal.SIGTERM:
        found['kept'] = uninterrupted['kept']  # the checkpoint of three is one of those that are kept
    assert_same(uninterrupted, found)


def test_a_full_disk_leaves_the_last_good_checkpoint(run, tmp_path, monkeypatch):
    sync, count = os.fsync, []

    def fail_the_second_checkpoint(descriptor):
        count.append(Path(os.readlink(f'/proc/self/fd/{descriptor}')).name)
        if count[-1].startswith('.iter_4'):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(writing.os, 'fsync', fail_the_second_checkpoint)
    with pytest.raises(
        OSError, match=r'iter_4\.pth could not be written \(No space left.*good checkpoint is .*iter_2\.pth'
    ):
        run('full', **{'train_cfg.val_interval': 100})
    monkeypatch.undo()
    assert saved_in(tmp_path / 'full') == ['iter_2.pth', 'last_checkpoint']
    assert Path((tmp_path / 'full/last_checkpoint').read_text()).name == 'iter_2.pth'
    assert run('full', **{'train_cfg.val_interval': 100})['kept'] == [2, 4, 6]


def test_old_checkpoints_and_unfinished_files_are_removed_across_restarts(run, tmp_path):
    options = {'default_hooks.checkpoint.max_keep_ckpts': 1, 'train_cfg.val_interval': 100}
    with pytest.raises(KilledError):
        run('killed', dict(moment='before_train_iter', iteration=5, deed='kill'), **options)
    folder = tmp_path / 'killed'
    (folder / '.iter_6.pth.0123.tmp').touch()
    os.utime(folder / '.iter_6.pth.0123.tmp', (0, 0))
    save_atomically({}, folder / 'iter_2.pth')  # killed after iter_4 was written, before iter_2 was removed
    run('killed', **options)
    assert saved_in(folder) == ['iter_6.pth', 'last_checkpoint']


def test_the_notes_of_a_checkpoint_name_no_file_to_delete_elsewhere(run, tmp_path):
    options = {'train_cfg.val_interval': 100}
    with pytest.raises(KilledError):
        run('run', dict(moment='before_train_iter', iteration=3, deed='kill'), **options)
    path, precious = tmp_path / 'run/iter_2.pth', tmp_path / 'precious.pth'
    precious.touch()
    content = read_checkpoint(path)
    notes = dict(best_ckpt=str(precious), best_score=0.0, keep_ckpt_ids=['../../precious', 2])
    content['message_hub']['runtime_info'].update(notes)
    content['message_hub']['resumed_keys'].update(dict.fromkeys(notes, True))
    save_atomically(content, path)
    options = {'train_cfg.val_interval': 2, 'default_hooks.checkpoint.save_best': 'mIoU', 'train_cfg.max_iters': 4}
    run('run', **options)
    assert precious.exists()
    assert len(list((tmp_path / 'run').glob('best_mIoU_iter_*.pth'))) == 1


def test_a_fresh_start_does_not_go_on_from_an_earlier_run(run, tiny_config, tmp_path):
    run('again', **{'train_cfg.max_iters': 2, 'train_cfg.val_interval': 100})
    interruption = dict(type='Interruption', moment='before_train_iter', iteration=1, deed='kill')
    with pytest.raises(KilledError):
        build_runner(tiny_config('source_only', tmp_path / 'again', custom_hooks=[interruption])).train()
    config = tiny_config('source_only', tmp_path / 'again')
    resume_from(config, 'auto')
    assert not config.resume


@pytest.mark.parametrize('launcher', ['TORCHELASTIC', 'SLURM'])
def test_what_a_launcher_has_started_anew_goes_on(run, tiny_config, tmp_path, monkeypatch, launcher):
    run('run', **{'train_cfg.max_iters': 2, 'train_cfg.val_interval': 100})
    config = tiny_config('source_only', tmp_path / 'run')
    resume_after_restart(config, None)
    assert not config.resume
    monkeypatch.setenv(f'{launcher}_RESTART_COUNT', '1')
    resume_after_restart(config, 'other.pth')
    assert config.load_from.endswith('iter_2.pth')


def test_gradients_that_a_checkpoint_would_lose(tiny_config, tmp_path):
    config = tiny_config('source_only', tmp_path, **{'optim_wrapper.segmentor.accumulative_counts': 2})
    with pytest.raises(ValueError, match=r'checkpoint\.interval is 3, but gradients are accumulated over 2'):
        build_runner(config).train()


@pytest.mark.parametrize('task', ['train', 'val', 'test'])
def test_a_bomb_as_weights(tiny_config, tmp_path, task):
    write_bomb(tmp_path / 'bomb.pth', tmp_path / 'mark')
    runner = build_runner(tiny_config('source_only', tmp_path / 'run', load_from=str(tmp_path / 'bomb.pth')))
    with pytest.raises(UntrustedCheckpointError, match='mknod'):
        getattr(runner, task)()
    assert not (tmp_path / 'mark').exists()
