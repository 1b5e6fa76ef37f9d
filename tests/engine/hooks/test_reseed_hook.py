import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmseg.registry import HOOKS
from torch import nn


@pytest.fixture(autouse=True)
def restore_generators():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])


@pytest.fixture
def draws(monkeypatch):
    """Draw what an iteration draws: from Python, NumPy and torch, and the model's seed."""
    hook, model = HOOKS.build(dict(type='ReseedHook')), nn.Module()

    def draw(seed, iteration, rank=0, before=0):
        monkeypatch.setattr('i2vda_mmseg.engine.hooks.reseed_hook.get_rank', lambda: rank)
        for _ in range(before):
            random.random()
        np.random.rand(before)  # noqa: NPY002
        torch.rand(before)
        hook.before_train_iter(SimpleNamespace(model=model, seed=seed, iter=iteration), 0)
        return (random.random(), np.random.rand(), torch.rand(()).item()), model.iteration_seed  # noqa: NPY002

    return draw


def test_same_draws_whatever_happened_before(draws):
    first = draws(3, 10)
    draws(3, 11)
    assert draws(3, 10, before=5) == first


def test_iterations_and_seeds_differ(draws):
    numbers = [draws(seed, iteration) for seed in (0, 1, 2) for iteration in (0, 1, 2)]
    for position in range(3):
        assert len({drawn[position] for drawn, _ in numbers}) == 9
    assert len({iteration_seed for _, iteration_seed in numbers}) == 9


def test_ranks_differ_but_share_the_iteration_seed(draws):
    ranks = [draws(0, 7, rank) for rank in range(4)]
    for position in range(3):
        assert len({drawn[position] for drawn, _ in ranks}) == 4
    assert len({iteration_seed for _, iteration_seed in ranks}) == 1
    assert isinstance(ranks[0][1], int)


def test_wrapped_model():
    model = nn.Linear(2, 3)
    runner = SimpleNamespace(model=nn.DataParallel(model), seed=1, iter=2)
    HOOKS.build(dict(type='ReseedHook')).before_train_iter(runner, 0)
    assert model.iteration_seed is not None
    assert not hasattr(runner.model, 'iteration_seed')


def test_gives_the_sampler_the_seed_of_a_resumed_run():
    hook = HOOKS.build(dict(type='ReseedHook'))
    sampler = SimpleNamespace(seed=None)
    hook.before_train(SimpleNamespace(train_dataloader=SimpleNamespace(sampler=sampler), seed=41))
    assert sampler.seed == 41
    other = SimpleNamespace()
    hook.before_train(SimpleNamespace(train_dataloader=SimpleNamespace(sampler=other), seed=41))
    assert not hasattr(other, 'seed')


def test_every_rank_takes_the_seed_of_rank_0(draws, monkeypatch):
    """As rank 1 sees it: with ``diff_rank_seed`` its own seed is another one."""

    def from_rank_0(seeds):
        seeds[0] = 41

    monkeypatch.setattr('i2vda_mmseg.engine.hooks.reseed_hook.broadcast_object_list', from_rank_0)
    hook, model = HOOKS.build(dict(type='ReseedHook')), nn.Module()
    sampler = SimpleNamespace(seed=42)
    runner = SimpleNamespace(
        model=model, seed=42, iter=7, train_dataloader=SimpleNamespace(sampler=sampler)
    )  # fmt: skip
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    assert sampler.seed == 41
    assert model.iteration_seed == draws(41, 7)[1]
