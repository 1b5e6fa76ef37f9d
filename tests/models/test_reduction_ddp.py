"""Gradients are averaged over the ranks once an iteration, and are those of one process."""

import pytest
import torch
from ddp import run_on_ranks
from helpers import domain_batch, optimizers, sharpen, still_statistics, tiny_method
from mmengine.model import MMSeparateDistributedDataParallel
from mmengine.registry import init_default_scope
from torch import distributed

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank

STEPS = 3
PASSES = dict(SourceOnly=1, AdaptSegNet=2, I2VDA=3)


def reductions_of(network):
    """Count DDP's reductions of a network from now on."""
    counted = []

    def average(_, bucket):
        counted.append(bucket.index())
        buffer = bucket.buffer().div_(distributed.get_world_size())
        return distributed.all_reduce(buffer, async_op=True).get_future().then(lambda done: done.value()[0])

    network.register_comm_hook(None, average)
    return counted


def trained(method, rank, passes=None):
    """Weights after some steps, and the reductions of each of them."""
    init_default_scope('mmseg')
    torch.manual_seed(1)
    model = still_statistics(sharpen(tiny_method(method)))
    if passes is not None:
        make = type(model).segmentor_passes
        model.segmentor_passes = lambda batch: _first(make(model, batch), next(passes))
    wrapper = MMSeparateDistributedDataParallel(model, device_ids=None, broadcast_buffers=False)
    counted, steps, made = reductions_of(model.segmentor), optimizers(wrapper, lr=0.05), []
    for i in range(STEPS):
        wrapper.train_step(domain_batch(seed=7 * i + rank), steps)
        made.append(len(counted))
        counted.clear()
    weights = {name: value.detach().clone() for name, value in model.segmentor.named_parameters()}
    return made, weights


def _first(passes, count):
    for _, each in zip(range(count), passes):
        yield each


def on_a_rank(rank):
    results = {method: trained(method, rank) for method in PASSES}
    results['fewer'] = trained('AdaptSegNet', rank, iter([2, 1, 2]))
    return results


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    return run_on_ranks(on_a_rank, tmp_path_factory.mktemp('ranks'))


@pytest.mark.ddp
@pytest.mark.parametrize('method', PASSES)
def test_one_reduction_an_iteration_after_the_first(ranks, method):
    for rank in ranks:
        assert rank[method][0] == [PASSES[method], 1, 1]


@pytest.mark.ddp
@pytest.mark.parametrize('case', [*PASSES, 'fewer'])
def test_ranks_agree_whatever_the_number_of_passes(ranks, case):
    (_, first), (_, second) = (rank[case] for rank in ranks)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.ddp
def test_fewer_passes_than_before_are_reduced_by_hand(ranks):
    assert ranks[0]['fewer'][0] == [2, 0, 2]  # none by DDP in the second; then the number before is expected
