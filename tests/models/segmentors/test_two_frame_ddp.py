"""Methods of two frames on two ranks: parameters stay the same, whatever each rank draws and reads."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from ddp import Reductions, run_on_ranks
from helpers import domain_batch, optimizers
from mmengine.model import MMSeparateDistributedDataParallel
from mmengine.registry import init_default_scope
from mmseg.registry import HOOKS
from two_frame import tiny_cmom, tiny_davsn, tiny_fused_mic, tiny_quadmix, tiny_tps, two_frame_batch

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank

METHODS = dict(
    TPS=tiny_tps,
    DAVSN=tiny_davsn,
    CMOM=partial(tiny_cmom, stuff_classes=[0]),
    MIC=tiny_fused_mic,
    QuadMix=tiny_quadmix,
)
LEARNT = dict(
    TPS={'loss_seg_aux', 'loss_tps'},
    DAVSN={'loss_seg_aux', 'loss_itc'},
    CMOM={'loss_seg_aux', 'loss_mix', 'loss_stuff', 'loss_things'},
    MIC={'loss_fd', 'loss_mix', 'loss_mask', 'loss_adv', 'loss_dis'},
    QuadMix={'loss_seg_aux', 'loss_mix_source', 'loss_mix_target', 'loss_mmd', 'loss_tps'},
)

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


def batch_of(build, seed):
    """MIC mixes images of one size, and judges HRDA's at half of it."""
    if build is tiny_fused_mic:
        return domain_batch(seed=seed, source_size=(64, 96), target_size=(64, 96), pairs=True)
    return two_frame_batch(seed=seed, patches=build is tiny_quadmix)


def trained(build, rank):
    torch.manual_seed(rank)
    wrapper = MMSeparateDistributedDataParallel(build(), device_ids=None, broadcast_buffers=False)
    wrapper.train()
    steps = optimizers(wrapper, lr=0.05)
    loader = SimpleNamespace(sampler=SimpleNamespace(seed=5))
    runner = SimpleNamespace(model=wrapper, iter=0, max_iters=3, seed=5, train_dataloader=loader)
    reseed = HOOKS.build(dict(type='ReseedHook'))
    reseed.before_train(runner)
    reductions = Reductions(wrapper)
    logged, draws, reduced = [], [], []
    for runner.iter in range(3):
        reseed.before_train_iter(runner, runner.iter)
        draws.append(torch.get_rng_state())
        logged.append(wrapper.train_step(batch_of(build, 10 * rank + runner.iter), steps))
        reduced.append(reductions.taken())
    weights = {name: p.detach() for name, p in wrapper.module.named_parameters() if p.requires_grad}
    weights |= {name: value.clone() for name, value in wrapper.module.named_buffers() if name.startswith('alignment')}
    return dict(weights=weights, logged=logged, draws=draws, reduced=reduced, keys=list(wrapper.module.state_dict()))


def on_a_rank(rank):
    init_default_scope('mmseg')
    return {name: trained(build, rank) for name, build in METHODS.items()}


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    return run_on_ranks(on_a_rank, tmp_path_factory.mktemp('ranks'))


@pytest.mark.parametrize('method', METHODS)
def test_each_gradient_is_averaged_once_a_step(ranks, method):
    networks = ['segmentor', 'discriminator'] if method in ('DAVSN', 'MIC') else ['segmentor']
    assert [rank[method]['reduced'] for rank in ranks] == [[dict.fromkeys(networks, 1.0)] * 3] * 2


@pytest.mark.parametrize('method', METHODS)
def test_parameters_are_identical_after_three_iterations(ranks, method):
    first, second = (rank[method] for rank in ranks)
    assert not any(torch.equal(a, b) for a, b in zip(first['draws'], second['draws']))
    assert {'loss_seg'} | LEARNT[method] < first['logged'][0].keys()
    assert first['logged'][2]['loss_seg'] != second['logged'][2]['loss_seg']
    assert first['weights'].keys() == second['weights'].keys()
    assert all(torch.equal(value, second['weights'][name]) for name, value in first['weights'].items())
    fusion = first['weights']['segmentor.module.sf_layer.weight'][..., 0, 0]
    assert not torch.equal(fusion, torch.eye(3, 6))  # it has learnt
    assert first['keys'] == list(METHODS[method]().state_dict())
