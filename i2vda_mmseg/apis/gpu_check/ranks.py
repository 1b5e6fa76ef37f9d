"""Two ranks: NCCL on two GPUs, gloo on a CPU."""

import os
import tempfile
import warnings
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from mmengine.model import MMSeparateDistributedDataParallel
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically
from i2vda_mmseg.models.wrappers import unwrapped

from .methods import Steps, blank_batches, build_steps, leaf, trained_weights

WORLD = 2
TOLERANCE = 1e-3  # of the length of the update


def check_ranks(method: str, device: str) -> dict[str, Any]:
    """Step a method on two ranks, each with images of its own, and compare with the mean of their steps alone."""
    several = device.startswith('cuda') and torch.cuda.device_count() >= WORLD
    backend = 'nccl' if several else 'gloo'
    about = dict(method=method, ranks=WORLD, backend=backend, device='cuda' if several else 'cpu')
    if device.startswith('cuda') and not several:
        return about | dict(ok=True, note='one GPU: two ranks need two, and gloo is tried by the tests')
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_on_a_rank, (method, backend, folder), WORLD)
        found = [torch.load(Path(folder, f'{rank}.pt')) for rank in range(WORLD)]
    same = bool(torch.equal(found[0]['weights'], found[1]['weights']))
    error = max(each['error'] for each in found)
    averaged = found[0]['averaged']
    ok = same and error <= TOLERANCE and set(averaged.values()) == {1.0}
    return about | dict(ok=ok, same_weights=same, difference=error, averaged=averaged)


def _on_a_rank(rank: int, method: str, backend: str, folder: str) -> None:
    warnings.simplefilter('ignore')
    if backend == 'gloo':
        os.environ['CUDA_VISIBLE_DEVICES'] = ''
        torch.set_num_threads(1)
    else:
        torch.cuda.set_device(rank)
    device = 'cpu' if backend == 'gloo' else f'cuda:{rank}'
    place = Path(folder, 'rendezvous').as_uri()
    dist.init_process_group(backend, place, timedelta(minutes=5), WORLD, rank)
    try:
        save_atomically(_compared(leaf(method, small=True), device, rank), Path(folder, f'{rank}.pt'))
        dist.barrier()
    finally:
        dist.destroy_process_group()


def _compared(path: str, device: str, rank: int) -> dict[str, Any]:
    """The weights after a step of all ranks, and how far its update is from the mean of what each would do alone."""
    batches = blank_batches(path)
    for domain in (domain for batch in batches for domain in batch.values()):
        domain['inputs'] = [image.roll(64 * rank, -1) for image in domain['inputs']]
    alone, joint = (build_steps(path, 'float32', device, batches) for _ in range(2))
    before = trained_weights(alone.model)
    alone.step()
    mean = (trained_weights(alone.model) - before).to(device)
    dist.all_reduce(mean)
    wrapper = MMSeparateDistributedDataParallel(joint.model, device_ids=None, broadcast_buffers=False)
    counts = _counted(joint)
    Steps(unwrapped(wrapper), joint.optimizers, joint.batches).step()
    update = trained_weights(joint.model) - before
    error = float((update - mean.cpu() / WORLD).norm() / update.norm())
    return dict(weights=trained_weights(joint.model), error=error, averaged=_shares(joint, counts))


def _counted(steps: Steps) -> Counter[str]:
    """Count the gradients that each network averages over the ranks."""
    counts: Counter[str] = Counter()

    def reduce(name: str, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
        """Count, and do what DDP does."""
        counts[name] += bucket.buffer().numel()
        return allreduce_hook(dist.distributed_c10d._get_default_group(), bucket)

    for name, child in steps.model.named_children():
        if isinstance(child, DistributedDataParallel):
            child.register_comm_hook(name, reduce)
    return counts


def _shares(steps: Steps, counts: Counter[str]) -> dict[str, float]:
    networks = dict(steps.model.named_children())
    sizes = {name: sum(p.numel() for p in networks[name].parameters() if p.requires_grad) for name in counts}
    return {name: counts[name] / size for name, size in sizes.items()}
