"""Randomness as a function of seed and iteration."""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import broadcast_object_list, get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from i2vda_mmseg.models.wrappers import unwrapped


@HOOKS.register_module()
class ReseedHook(Hook):
    """Seed the global generators anew before each iteration, from (seed, iteration, rank).

    What is drawn in an iteration then does not depend on what was drawn before it: a resumed run draws what the
    uninterrupted one did, with validation in between or without. The model's ``iteration_seed`` becomes a function of
    (seed, iteration) alone: what must be the same on every rank, like the time t of Eq. 2, is drawn from it.

    Checkpoints hold the states of the generators all the same, rank 0's, for what is drawn between iterations.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.seed: int | None = None
        self._loaded: dict[str, Any] | None = None

    def before_train(self, runner: Runner) -> None:
        """Share rank 0's seed (``randomness.diff_rank_seed`` would give each its own), with the data sampler too.

        A resumed run learns its seed only after the sampler is built.
        """
        seeds = [runner.seed]
        broadcast_object_list(seeds)
        self.seed = seeds[0]
        sampler = runner.train_dataloader.sampler
        if hasattr(sampler, 'seed'):
            sampler.seed = self.seed
        if self._loaded is not None and runner.iter > 0:  # not of a checkpoint that only gives initial weights
            _set_random_states(self._loaded)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the states of the generators."""
        checkpoint['random_states'] = _random_states()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep the states until it is clear whether the run goes on from the checkpoint."""
        self._loaded = checkpoint.get('random_states')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed Python's, NumPy's and torch's generators."""
        base = runner.seed if self.seed is None else self.seed
        unwrapped(runner.model).iteration_seed = _derive(base, runner.iter)
        seed = _derive(base, runner.iter, 1 + get_rank())
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - pipelines and libraries draw from the global generator
        torch.manual_seed(seed)


def _random_states() -> dict[str, Any]:
    """Collect the states of Python's, NumPy's, torch's and CUDA's generators, as plain data and tensors."""
    state: Any = np.random.get_state()  # noqa: NPY002
    name, keys, *rest = state
    return dict(
        python=random.getstate(),
        numpy=(name, torch.from_numpy(keys.astype(np.int64)), *rest),
        torch=torch.get_rng_state(),
        cuda=torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    )


def _set_random_states(states: dict[str, Any]) -> None:
    random.setstate(states['python'])
    name, keys, *rest = states['numpy']
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states['torch'].cpu())
    if torch.cuda.is_available() and len(states['cuda']) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([state.cpu() for state in states['cuda']])


def _derive(*entropy: int) -> int:
    """Mix whole numbers into one 32-bit seed."""
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])
