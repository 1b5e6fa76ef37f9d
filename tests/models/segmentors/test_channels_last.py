"""``channels_last=True``: another layout of memory, the same figures and checkpoints."""

from copy import deepcopy

import pytest
import torch
from helpers import domain_batch, optimizers, ready, state_of, tiny_method


def is_channels_last(x):
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


@pytest.mark.parametrize('method', ['I2VDA', 'SourceOnly'])
def test_same_steps_in_another_layout(method):
    results = []
    for channels_last in (False, True):
        torch.manual_seed(0)
        model = ready(tiny_method(method, channels_last=channels_last)).train()
        model.load_state_dict(results[0][4] if results else model.state_dict())
        start = deepcopy(model.state_dict())
        layouts = []
        norm = model.segmentor.backbone.norm
        norm.register_forward_hook(lambda module, args, output, seen=layouts: seen.append(is_channels_last(output)))
        wrapper = optimizers(model)
        logged = [model.train_step(domain_batch(seed=seed), wrapper) for seed in range(2)]
        results.append((state_of(model), logged, layouts, model, start))
    (plain, terms, contiguous, model, _), (state, others, last, other, _) = results
    assert not any(contiguous)
    assert all(last)
    assert is_channels_last(other.segmentor.backbone.conv.weight)
    assert not hasattr(other, 'proxy') or is_channels_last(other.proxy.backbone.conv.weight)
    assert list(plain) == list(state)
    for name, value in plain.items():
        torch.testing.assert_close(state[name], value, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f'{n}: {m}')
    for before, after in zip(terms, others):
        assert {name: float(value) for name, value in after.items()} == pytest.approx(
            {name: float(value) for name, value in before.items()}, rel=1e-3, abs=1e-5
        )
    model.load_state_dict(other.state_dict())
    assert not is_channels_last(model.segmentor.backbone.conv.weight)


def test_the_weights_that_are_drawn_are_the_same():
    states = []
    for channels_last in (False, True):
        torch.manual_seed(2)
        model = tiny_method('I2VDA', channels_last=channels_last)
        model.segmentor.backbone.init_cfg = dict(type='Kaiming', layer='Conv2d')
        torch.manual_seed(3)
        model.init_weights()
        states.append(model.state_dict())
        assert is_channels_last(model.segmentor.backbone.conv.weight) == channels_last
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
