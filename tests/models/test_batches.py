"""One large batch, several ranks, or several iterations of accumulation: the same update.

Without batch statistics, and where each part has as many valid pixels as every other: losses are means over pixels.
"""

from copy import deepcopy

import pytest
import torch
from ddp import run_on_ranks
from helpers import domain_batch, optimizers, sharpen, state_of, still_statistics, tiny_method
from mmengine.model import MMSeparateDistributedDataParallel
from mmengine.registry import init_default_scope

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank

METHODS = ('SourceOnly', 'AdaptSegNet', 'I2VDA')
PARTS, PER_PART, STEPS = 2, 2, 3


def fresh(method):
    """A network in eval-mode statistics; in I2VDA every pixel has a pseudo-label, as no flow leaves the frame."""
    torch.manual_seed(3)
    options = {}
    if method == 'I2VDA':
        head = dict(type='OcclusionAwarePseudoLabelHead', use_entropy=False, use_occlusion=False)
        options = dict(flow_estimator=dict(type='TinyFlow', gain=0.0), pseudo_label_head=head)
    model = still_statistics(sharpen(tiny_method(method, **options)))
    model.renewed_by = 'this test, which never changes it'
    with torch.no_grad():
        for parameter in getattr(model, 'discriminator', torch.nn.Identity()).parameters():
            parameter.mul_(2)
    return model


def batch(step):
    return domain_batch(seed=step, size=PARTS * PER_PART)


def part(whole, index):
    """Give the share of one rank, or of one iteration."""
    chosen = slice(index * PER_PART, (index + 1) * PER_PART)
    return {domain: {key: value[chosen] for key, value in half.items()} for domain, half in whole.items()}


def trained_at_once(method):
    model = fresh(method)
    steps = optimizers(model, lr=0.05)
    for step in range(STEPS):
        model.train_step(batch(step), steps)
    return trainable(model)


def trainable(model):
    state = state_of(model)
    return {name.replace('.module.', '.'): value.detach() for name, value in state.items() if value.requires_grad}


def on_a_rank(rank):
    """Train on this rank's share; with two iterations of accumulation, on half of it at a time."""
    init_default_scope('mmseg')
    results = {}
    for method in METHODS:
        wrapper = MMSeparateDistributedDataParallel(fresh(method), device_ids=None, broadcast_buffers=False)
        steps = optimizers(wrapper, lr=0.05)
        for step in range(STEPS):
            wrapper.train_step(part(batch(step), rank), steps)
        results[method] = trainable(wrapper.module)
    return results


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    return run_on_ranks(on_a_rank, tmp_path_factory.mktemp('ranks'), PARTS)


def assert_same_update(method, found, expected):
    start = trainable(fresh(method))
    assert found.keys() == expected.keys() == start.keys()
    for name, value in expected.items():
        # the update is compared, not the weights, most of which an update leaves as they are
        torch.testing.assert_close(found[name] - start[name], value - start[name], rtol=1e-3, atol=2e-6)
    moved = {name.partition('.')[0] for name, value in expected.items() if not torch.equal(value, start[name])}
    assert moved == {'segmentor', 'discriminator'} - ({'discriminator'} if method == 'SourceOnly' else set())


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize('method', METHODS)
def test_ranks_equal_one_large_batch(ranks, method):
    for rank in ranks:
        assert_same_update(method, rank[method], trained_at_once(method))


@pytest.mark.parametrize('method', METHODS)
def test_accumulation_equals_one_large_batch(method):
    model = fresh(method)
    steps = optimizers(model, lr=0.05, accumulative_counts=PARTS)
    steps.initialize_count_status(model, 0, PARTS * STEPS)
    for step in range(STEPS):
        before = trainable(model)
        for index in range(PARTS):
            assert all(torch.equal(value, before[name]) for name, value in trainable(model).items())
            model.train_step(part(batch(step), index), steps)
    assert_same_update(method, trainable(model), trained_at_once(method))


def test_a_shorter_last_window_has_its_own_scale():
    """Of five iterations by two, the fifth is a window of its own, and is the step of a run without accumulation."""
    model = fresh('AdaptSegNet')
    steps = optimizers(model, lr=0.05, accumulative_counts=2)
    steps.initialize_count_status(model, 0, 5)
    for step in range(4):
        model.train_step(batch(step), steps)
    alone = deepcopy(model)
    model.train_step(batch(4), steps)
    alone.train_step(batch(4), optimizers(alone, lr=0.05))
    found, expected = trainable(model), trainable(alone)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize('start', [1, 3])
def test_a_start_inside_a_window_is_refused(start):
    model = fresh('AdaptSegNet')
    steps = optimizers(model, accumulative_counts=2)
    with pytest.raises(ValueError, match=f'iteration {start}: .* window of 2 .* multiple of 2'):
        steps.initialize_count_status(model, start, 10)
    steps.initialize_count_status(model, start + 1, 10)
    assert [wrapper.inner_count for wrapper in steps.values()] == [start + 1] * 2
