"""How the ranks of a run find each other, and part."""

import os
import signal
import subprocess
from collections.abc import Mapping

import torch

from i2vda_mmseg.engine.hooks.preemption_hook import SIGNALS

from .command_line import leave_at_once

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
_TORCHRUN = ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
_PORTS = range(10000, 30000)  # below those that Linux gives to connections of its own accord


def prepare_ranks(launcher: str) -> str | None:
    """Make ready what mmengine's ``init_dist`` lacks: a port for each job of Slurm, and ranks without a GPU.

    Without a GPU the ranks meet here, through gloo: mmengine would call ``torch.cuda.set_device``, which a CPU build of
    torch does not have.

    Args:
        launcher: One of ``LAUNCHERS``.

    Returns:
        The backend that joins the ranks, if they have met; None leaves it to mmengine.

    Raises:
        RuntimeError: If the launcher needs a GPU, or did not start this process.
    """
    if launcher == 'slurm' and 'SLURM_JOB_ID' in os.environ:
        os.environ.setdefault('MASTER_PORT', str(slurm_port(os.environ)))
    if launcher == 'none' or torch.cuda.is_available():
        return None
    if launcher == 'slurm':
        os.environ.update(slurm_ranks(os.environ))
    elif launcher != 'pytorch':
        raise RuntimeError(f'--launcher {launcher} needs a GPU on every rank; without one, use tools/dist_train.sh')
    missing = [name for name in _TORCHRUN if name not in os.environ]
    if missing:
        raise RuntimeError(f'--launcher pytorch expects torchrun around it (it sets {missing}): tools/dist_train.sh')
    torch.distributed.init_process_group(backend='gloo')
    return 'gloo'


def slurm_port(environment: Mapping[str, str]) -> int:
    """Choose the port at which the ranks of a job step meet: one for each, since steps may share a machine."""
    job, step = (int(environment.get(name, '0')) for name in ('SLURM_JOB_ID', 'SLURM_STEP_ID'))
    return _PORTS[(job + 7919 * step) % len(_PORTS)]


def slurm_ranks(environment: Mapping[str, str]) -> dict[str, str]:
    """Say in torchrun's variables what Slurm's say of this process.

    Raises:
        RuntimeError: If Slurm did not start it.
    """
    names = dict(RANK='SLURM_PROCID', WORLD_SIZE='SLURM_NTASKS', LOCAL_RANK='SLURM_LOCALID')
    missing = [name for name in (*names.values(), 'SLURM_JOB_NODELIST') if name not in environment]
    if missing:
        raise RuntimeError(f'--launcher slurm expects srun around it (it sets {missing}): tools/slurm_train.sh')
    ranks = {ours: environment[theirs] for ours, theirs in names.items()}
    return ranks | {'MASTER_ADDR': environment.get('MASTER_ADDR') or _first_machine(environment['SLURM_JOB_NODELIST'])}


def _first_machine(machines: str) -> str:
    """Name the first machine of a list as Slurm writes it, ``node[3-5,8]``."""
    command = ['scontrol', 'show', 'hostnames', machines]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]


def leave_process_group(code: int = 0) -> None:
    """Wait for the other ranks and part from them, as the last act of a run; a rank of gloo ends here, with ``code``.

    Otherwise it might abort ("terminate called without an active exception"), and the launcher would report a failure
    after everything has been written. Nor does a signal matter any more, by which a launcher ends the ranks that are
    later than the first: it would take their end for a failure, too.
    """
    if torch.distributed.is_initialized():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        torch.distributed.barrier()
        if torch.distributed.get_backend() == 'gloo':
            leave_at_once(code)
        torch.distributed.destroy_process_group()
