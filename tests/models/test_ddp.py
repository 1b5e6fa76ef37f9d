"""Every method on two ranks, as the Runner trains it: wrapped, initialised, stepped, stored."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from ddp import Reductions, run_on_ranks
from helpers import (
    ADVERSARIAL,
    assert_same_state,
    domain_batch,
    optimizers,
    sharpen,
    state_of,
    still_statistics,
    terms_of,
    tiny_method,
)
from mmengine.dist import broadcast
from mmengine.model import MMSeparateDistributedDataParallel
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import HOOKS

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank

SELF_TRAINED = ['FDA', 'CBST', 'CRST']
JUDGED = (*ADVERSARIAL, 'MIC')
METHODS = ['SourceOnly', 'MinEnt', 'AdaptSegNet', 'AdvEnt', 'I2VDA', 'MIC', *SELF_TRAINED]
TEMPORAL = dict(
    type='TemporalAugmentedConsistency',
    flow_estimator=dict(type='TinyFlow'),
    pseudo_label_head=dict(type='OcclusionAwarePseudoLabelHead', delta=1.0),
    temporal_augmentation=dict(type='TemporalAugmentation', t=0.3),
)


def built(method):
    """MIC learns from all that its bases do, from video, and from a discriminator of two frames."""
    judge = dict(type='FCDiscriminator', in_channels=6, base_channels=2)
    learnt = dict(thing_classes=[0, 1], min_share=0.3, threshold=0.4, temporal=TEMPORAL, discriminator=judge)
    return tiny_method(method, **(learnt if method == 'MIC' else {}))


def batch_of_rank(method, seed):
    """A source image of MIC is as large as the target's, onto which it is laid."""
    is_mic = method == 'MIC'
    size = (32, 48) if is_mic else (32, 40)
    return domain_batch(seed=seed, pseudo=method in SELF_TRAINED, source_size=size, pairs=is_mic)


def wrapped(model):
    return MMSeparateDistributedDataParallel(model, device_ids=None, broadcast_buffers=False)


def weights(model):
    """What the ranks must agree on: the trained parameters."""
    return {name: value for name, value in state_of(model).items() if value.requires_grad}


def without_wrapper(state):
    return {name.replace('.module.', '.'): value for name, value in state.items()}


def trained(method, rank):
    """Initialise and train as the Runner does, with other random numbers and other data on each rank."""
    torch.manual_seed(rank)
    wrapper = wrapped(built(method))
    model = wrapper.module
    model.init_weights()
    for value in model.state_dict().values():
        broadcast(value)
    steps = optimizers(wrapper, lr=0.05)
    sampler = SimpleNamespace(seed=5 + rank)
    runner = SimpleNamespace(
        model=wrapper, iter=0, max_iters=3, seed=5 + rank, train_dataloader=SimpleNamespace(sampler=sampler)
    )
    hooks = [HOOKS.build(dict(type='ReseedHook'))]
    if method == 'I2VDA':
        hooks.append(HOOKS.build(dict(type='ProxyCopyHook', interval=2, launch=1)))
    if method == 'MIC':
        hooks.append(HOOKS.build(dict(type='ProxyEMAHook')))
    for hook in hooks:
        hook.before_train(runner)
    wrapper.train()
    reductions = Reductions(wrapper)
    logged, reduced = [], []
    for runner.iter in range(3):
        for hook in hooks:
            hook.before_train_iter(runner, runner.iter)
        batch = batch_of_rank(method, 10 * rank + runner.iter)
        logged.append(set(terms_of(wrapper.train_step(batch, steps))))
        reduced.append(reductions.taken())
    return wrapper, runner, logged, reduced


def local_and_joint_step(method, rank, accumulate=1):
    """The weights after a step of this rank alone, and after the same step of all ranks together; and reductions."""
    torch.manual_seed(3)
    model = still_statistics(sharpen(built(method)))
    results = []
    for network in (deepcopy(model), wrapped(model)):
        steps = optimizers(network, lr=0.05, accumulative_counts=accumulate)
        reductions = Reductions(network) if hasattr(network, 'module') else None
        for i in range(accumulate):
            torch.manual_seed(i)  # what a step draws
            network.train_step(batch_of_rank(method, 2 * i + rank), steps)
        results.append(without_wrapper(weights(getattr(network, 'module', network))))
    return [*results, reductions.taken()]


def loads_back(method, wrapper):
    """Load a checkpoint of one process into the wrapped model."""
    torch.manual_seed(7)
    state = built(method).state_dict()
    load_state_dict(wrapper, state, strict=True)
    now = wrapper.module.state_dict()
    return list(now) == list(state) and all(torch.equal(now[key], value) for key, value in state.items())


def on_a_rank(rank):
    init_default_scope('mmseg')
    results = {}
    for method in METHODS:
        wrapper, runner, logged, reduced = trained(method, rank)
        model = wrapper.module
        result = dict(
            logged=logged,
            reduced=reduced,
            seeds=(runner.train_dataloader.sampler.seed, model.iteration_seed),
            weights=weights(model),
            proxy=state_of(model.proxy) if method in ('I2VDA', 'MIC') else {},
            state=deepcopy(model.state_dict()),
            buffers={name: value.clone() for name, value in model.named_buffers()},
        )
        HOOKS.build(dict(type='BroadcastBuffersHook')).before_val(runner)
        result['shared_buffers'] = {name: value.clone() for name, value in model.named_buffers()}
        result['loads_back'] = loads_back(method, wrapper)
        result['steps'] = {count: local_and_joint_step(method, rank, count) for count in (1, 2)}
        results[method] = result
    return results


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    return run_on_ranks(on_a_rank, tmp_path_factory.mktemp('ranks'))


pytestmark = [pytest.mark.ddp, pytest.mark.slow]


def same(states):
    first, second = states
    assert first.keys() == second.keys()
    return [name for name, value in first.items() if torch.equal(value, second[name])]


@pytest.mark.parametrize('method', METHODS)
def test_parameters_are_identical_on_all_ranks(ranks, method):
    states = [rank[method]['weights'] for rank in ranks]
    assert len(states[0]) == (18 if method in JUDGED else 8)
    assert same(states) == list(states[0])


@pytest.mark.parametrize('method', METHODS)
def test_each_gradient_is_averaged_once_a_step(ranks, method):
    networks = ['segmentor', 'discriminator'] if method in JUDGED else ['segmentor']
    assert [rank[method]['reduced'] for rank in ranks] == [[dict.fromkeys(networks, 1.0)] * 3] * 2


def test_the_seed_of_rank_0_is_everybodys(ranks):
    for method in METHODS:
        (sampler, iteration), other = (rank[method]['seeds'] for rank in ranks)
        assert other == (sampler, iteration)
        assert sampler == 5


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('accumulate', [1, 2])
def test_a_step_is_the_mean_of_the_ranks_steps(ranks, method, accumulate):
    local, joint, reduced = zip(*(rank[method]['steps'][accumulate] for rank in ranks))
    assert [set(counts.values()) for counts in reduced] == [{1.0}] * 2
    assert same(joint) == list(joint[0])
    assert not [name for name in same(local) if name.startswith('segmentor')]
    for name, value in joint[0].items():
        torch.testing.assert_close(value, (local[0][name] + local[1][name]) / 2, rtol=1e-4, atol=1e-6)


def test_proxy_is_identical_with_its_buffers(ranks):
    states = [rank['I2VDA']['proxy'] for rank in ranks]
    assert same(states) == list(states[0])
    norm = 'backbone.norm.running_mean'
    assert states[0][norm].any()  # copied at iteration 2, after two steps, not only from the fresh network
    assert ranks[0]['I2VDA']['logged'] == [
        {'loss_seg', 'loss_adv', 'loss_dis'},
        *[{'loss_seg', 'loss_adv', 'loss_dis', 'loss_tc', 'pseudo_label_ratio'}] * 2,
    ]


@pytest.mark.parametrize('method', METHODS)
def test_buffers_are_shared_before_validation(ranks, method):
    norm = 'segmentor.module.backbone.norm.running_mean'
    before, after = ([rank[method][key] for rank in ranks] for key in ('buffers', 'shared_buffers'))
    assert norm not in same(before)
    assert same(after) == list(after[0])
    assert same([before[0], after[0]]) == list(before[0])  # those of rank 0


@pytest.mark.parametrize('method', METHODS)
def test_checkpoint_is_that_of_one_process(ranks, method):
    state = ranks[0][method]['state']
    model = built(method)
    assert list(state) == list(model.state_dict())
    load_state_dict(model, state, strict=True)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert_same_state(model.segmentor, {k.removeprefix('segmentor.'): v for k, v in state.items() if k.startswith('s')})
    assert [rank[method]['loads_back'] for rank in ranks] == [True, True]
