"""Networks with heads that only learn, or predict with a part of what they give, on two ranks."""

from copy import deepcopy

import pytest
import torch
from ddp import Reductions, run_on_ranks
from helpers import domain_batch, optimizers, state_of, still_statistics, tiny_method
from mmengine.model import MMSeparateDistributedDataParallel
from mmengine.registry import init_default_scope
from networks import networks, with_edges

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank

NAMES = ['two auxiliary heads', 'EncNet', 'K-Net', 'PIDNet', 'queries']
SIZES = dict(source_size=(64, 96), target_size=(64, 128))


def trained_weights(network, rank, steps=2):
    optim = optimizers(network, lr=0.01)
    for step in range(steps):
        batch = domain_batch(seed=10 * step + rank, **SIZES)
        with_edges(batch['source']['data_samples'])
        network.train_step(batch, optim)
    state = state_of(getattr(network, 'module', network))
    return {name.replace('.module.', '.'): value.detach() for name, value in state.items() if value.requires_grad}


def on_a_rank(rank):
    init_default_scope('mmseg')
    results = {}
    for name in NAMES:
        torch.manual_seed(3)
        model = still_statistics(tiny_method('I2VDA', segmentor=networks()[name]))
        local = trained_weights(deepcopy(model), rank, steps=1)
        wrapper = MMSeparateDistributedDataParallel(model, device_ids=None, broadcast_buffers=False)
        reductions = Reductions(wrapper)
        results[name] = dict(
            local=local,
            joint=trained_weights(wrapper, rank, steps=1),
            reduced=reductions.taken(),
            later=trained_weights(wrapper, rank),
        )
    return results


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    return run_on_ranks(on_a_rank, tmp_path_factory.mktemp('ranks'))


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_a_step_is_the_mean_of_the_ranks_steps(ranks, name):
    first, second = (rank[name] for rank in ranks)
    assert first['reduced'] == second['reduced'] == dict(segmentor=1.0, discriminator=1.0)
    for key, value in first['joint'].items():
        if key.startswith('segmentor'):
            mean = (first['local'][key] + second['local'][key]) / 2
            torch.testing.assert_close(value, mean, rtol=1e-4, atol=1e-6, msg=lambda m, k=key: f'{k}: {m}')
    for key, value in first['later'].items():
        assert torch.equal(value, second['later'][key]), key
