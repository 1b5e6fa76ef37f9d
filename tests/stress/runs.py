"""Whole runs of tools/train.py, as a cluster sees them: processes that are started, killed and started again."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import torch

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.checkpoints import read_checkpoint
from i2vda_mmseg.streetworld import make_streetworld

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get('I2VDA_STRESS_SEED') or random.SystemRandom().randrange(10**6))
WALL_CLOCK = ('train/time', 'train/data_time', 'val/time', 'val/data_time')


def say(line):
    """Show a line in pytest's summary of a test (-rA)."""
    sys.stdout.write(f'{line}\n')


def draws(test):
    """Give the random numbers of a test, and say how to have them again."""
    say(f'I2VDA_STRESS_SEED={SEED}')
    return random.Random(f'{SEED} {test}')


def write_config(folder, iterations=60, interval=5, **options):
    """Write I2VDA's StreetWorld config, cut down to a small network and 32x64 frames, with data of its own."""
    world = make_streetworld(folder / 'world', images=7, clips=3, val_clips=2, frames=3, size=(64, 96), progress=False)
    config = load_config(str(ROOT / 'configs/i2vda/deeplabv2_r18_streetworld.py'))
    train, val = config.train_dataloader, config.val_dataloader
    train.dataset.source.data_root = str(world / 'viper')
    train.dataset.target.data_root = val.dataset.data_root = str(world / 'cityscapes')
    for pipeline in (train.dataset.source.pipeline, val.dataset.pipeline):
        next(step for step in pipeline if step.type == 'Resize').scale = (64, 32)
    train.dataset.target.pipeline[1].transforms[0].scale = (64, 32)
    config.test_dataloader = val
    config.model.segmentor.backbone.base_channels = 8
    config.model.segmentor.decode_head.in_channels = 64
    config.model.pseudo_label_head.update(delta=1.0)  # an untrained network is certain of nothing
    config.train_cfg.update(max_iters=iterations, val_interval=10)
    config.default_hooks.checkpoint.update(interval=interval)
    config.default_hooks.logger.update(interval=1)
    config.default_hooks.proxy_copy.update(interval=4, launch=3)
    config.merge_from_dict(options)
    config.dump(folder / 'i2vda.py')
    return folder / 'i2vda.py'


def command(config, work_dir, ranks=1):
    """Give the one command that starts a run, and goes on with it."""
    launch = (
        [sys.executable, 'tools/train.py', config] if ranks == 1 else ['bash', 'tools/dist_train.sh', config, ranks]
    )
    return [*map(str, launch), '--work-dir', str(work_dir), '--resume', 'auto']


def start(config, work_dir, ranks=1, log=None, **environment):
    """Start or go on with a run, in a process group of its own."""
    port = str(20000 + random.SystemRandom().randrange(20000))
    environment = os.environ | {'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable, 'MASTER_PORT': port} | environment
    with open(log or Path(work_dir).with_suffix('.log'), 'ab') as output:
        return subprocess.Popen(
            command(config, work_dir, ranks), cwd=ROOT, env=environment, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip


def finish(config, work_dir, **options):
    """Go on with a run to its end."""
    log = options.pop('log', Path(work_dir).with_suffix('.log'))
    code = start(config, work_dir, log=log, **options).wait()
    assert code == 0, log.read_text()[-4000:]
    return Path(work_dir)


def kill(process):
    """Kill a run with all its processes, as the kernel or a cluster does; returns whether it was still running."""
    running = process.poll() is None
    if running:
        for pid in [process.pid, *descendants(process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    return running


def descendants(pid):
    """List the processes that a process has started, and theirs; ranks are in sessions of their own."""
    try:
        children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    except FileNotFoundError:
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def ranks_of(process):
    """List the trainers of a run on several ranks."""
    return [pid for pid in descendants(process.pid) if b'--launcher' in Path(f'/proc/{pid}/cmdline').read_bytes()]


def wait_for(ready, process, seconds=900, pause=0.02):
    """Wait until something has happened, or the process has ended."""
    until = time.monotonic() + seconds
    while not ready() and process.poll() is None:
        assert time.monotonic() < until, f'nothing happened for {seconds} s'
        time.sleep(pause)


def logs_of(work_dir):
    """Name the logs of the starts so far."""
    return set(Path(work_dir).glob('*/vis_data/scalars.json'))


def iterations_logged(work_dir, earlier):
    """Count the iterations in the log of the newest start; -1 before there is one."""
    return max((path.read_text().count('"loss_seg"') for path in logs_of(work_dir) - earlier), default=-1)


def final_state(work_dir):
    """Read what must be the same at the end of a run, whatever happened on the way."""
    checkpoint = read_checkpoint(Path(work_dir, 'last_checkpoint').read_text())
    state = {key: checkpoint[key] for key in ('state_dict', 'optimizer', 'param_schedulers', 'random_states')}
    history = checkpoint['message_hub']['log_scalars']
    state['history'] = {
        key: len(value.data[0]) if key in WALL_CLOCK else value.data[0].tolist() for key, value in history.items()
    }
    return state


def differences(first, second, place=''):
    """Name the places where two nested structures of tensors and numbers differ."""
    if isinstance(first, dict):
        if first.keys() != second.keys():
            return [f'{place}: keys {first.keys() ^ second.keys()}']
        return [found for key in first for found in differences(first[key], second[key], f'{place}.{key}')]
    if isinstance(first, (list, tuple)) and len(first) == len(second):
        return [found for i, pair in enumerate(zip(first, second)) for found in differences(*pair, f'{place}.{i}')]
    if torch.is_tensor(first):
        return [] if torch.equal(first, second) else [place]
    return [] if str(first) == str(second) else [place]  # NaN is NaN


def unfinished(work_dir):
    """List the temporary files in a work dir."""
    return list(Path(work_dir).glob('.*.tmp'))
