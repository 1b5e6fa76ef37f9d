"""Run a function on several ranks: processes on the CPU that talk through gloo."""

import importlib.util
import inspect
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from forks import FORKS
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel


def run_on_ranks(function, folder, world_size=2):
    """Call the top-level ``function(rank)`` in ``world_size`` fresh processes; returns what each of them returned.

    Results are handed over as files in ``folder``, with ``torch.save``. An exception on a rank is raised here.
    """
    place = inspect.getfile(function), function.__name__
    arguments = world_size, place, str(folder), dict(os.environ)
    mp.start_processes(_rank, arguments, world_size, start_method=FORKS.get_start_method())
    return [torch.load(Path(folder) / f'rank{rank}.pt', weights_only=False) for rank in range(world_size)]


class Reductions(Counter):
    """Counts the gradients, in numbers, that each network of a wrapped model averages over the ranks."""

    def __init__(self, wrapper):
        super().__init__()
        self.networks = {
            name: child for name, child in wrapper.module.named_children() if isinstance(child, DistributedDataParallel)
        }
        for name, child in self.networks.items():
            child.register_comm_hook(name, self._reduce)

    def _reduce(self, name, bucket):
        self[name] += bucket.buffer().numel()
        return allreduce_hook(None, bucket)

    def taken(self):
        """How often each network's gradients were averaged since the last call."""
        sizes = {name: sum(p.numel() for p in child.parameters()) for name, child in self.networks.items()}
        counts = {name: self[name] / size for name, size in sizes.items()}
        self.clear()
        return counts


def _rank(rank, world_size, place, folder, environ):
    os.environ.update(environ, CUDA_VISIBLE_DEVICES='')  # the server has that of its own start
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo',
        init_method=(Path(folder) / 'rendezvous').absolute().as_uri(),
        rank=rank,
        world_size=world_size,
        timeout=timedelta(seconds=240),
    )
    try:
        torch.save(_load(*place)(rank), Path(folder) / f'rank{rank}.pt')
        dist.barrier()
    finally:
        dist.destroy_process_group()


def _load(path, name):
    """Get a function by its file: a test module has no name under which another process could import it."""
    spec = importlib.util.spec_from_file_location(f'{Path(path).stem}_on_a_rank', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)
