"""Warping as a GPU does it, against the exact gathering."""

from importlib import import_module

import numpy as np
import pytest
import torch
from helpers import constant_flow, random_flow

from i2vda_mmseg.ops import warp

module = import_module('i2vda_mmseg.ops.warp')


def both_ways(x, flow, monkeypatch, padding_mode='border'):
    """What gathering gives, and what one kernel gives."""
    exact = warp(x, flow, padding_mode=padding_mode)
    with monkeypatch.context() as patch:
        patch.setattr(module, '_sample_bilinear', module._sample_fused)
        return exact, warp(x, flow, padding_mode=padding_mode)


@pytest.mark.parametrize(('u', 'v'), [(0, 0), (3, -2), (-517, 1)])
@pytest.mark.parametrize('width', [1024, 896, 13])
def test_one_kernel_is_exact_for_whole_pixels(monkeypatch, u, v, width):
    x = torch.randn(2, 3, 6, width)
    exact, fused = both_ways(x, constant_flow(u, v, 6, width, batch=2), monkeypatch)
    assert torch.equal(fused, exact)


@pytest.mark.parametrize('padding_mode', ['border', 'zeros'])
@pytest.mark.parametrize('size', [(7, 10), (5, 1024), (1, 4), (64, 1)])
@pytest.mark.parametrize('magnitude', [0.6, 5.0, 1e6])
def test_one_kernel_agrees_with_gathering(monkeypatch, padding_mode, size, magnitude):
    flow = torch.from_numpy(random_flow(np.random.default_rng(0), magnitude, 2, *size)).float()
    exact, fused = both_ways(torch.rand(2, 3, *size), flow, monkeypatch, padding_mode)
    assert (fused - exact).abs().max() < 1e-4  # of values up to 1: positions differ by 2^-24 of up to 1024 pixels


def test_one_kernel_has_the_same_gradient(monkeypatch):
    flow = torch.from_numpy(random_flow(np.random.default_rng(1), 3, 2, 12, 20)).float()
    leaf, weights = torch.rand(2, 3, 12, 20, requires_grad=True), torch.rand(2, 3, 12, 20)
    gradients = [torch.autograd.grad((out * weights).sum(), leaf)[0] for out in both_ways(leaf, flow, monkeypatch)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_one_kernel_knows_what_is_not_finite(monkeypatch):
    x, flow = torch.rand(1, 2, 4, 6), torch.zeros(1, 2, 4, 6)
    flow[0, 0, 1, 1], flow[0, 1, 2, 2], flow[0, 0, 3, 3], flow[0, 1, 0, 0] = (
        float('nan'),
        float('nan'),
        1e30,
        -torch.inf,
    )
    exact, fused = both_ways(x, flow, monkeypatch)
    assert fused.isnan().sum() == 4
    torch.testing.assert_close(fused, exact, equal_nan=True)


def test_one_kernel_is_for_gpus(monkeypatch):
    called = []
    monkeypatch.setattr(module, '_sample_fused', lambda image, x, y: called.append(x) or image)
    x, flow = torch.rand(1, 2, 4, 6), torch.zeros(1, 2, 4, 6)
    warp(x, flow)
    assert not called
    monkeypatch.setattr(torch.Tensor, 'is_cuda', True)
    warp(x, flow)
    assert len(called) == 1
    warp(x, flow.requires_grad_())  # gathering has the gradient of positions
    warp(x, flow.detach(), mode='nearest')
    assert len(called) == 1
