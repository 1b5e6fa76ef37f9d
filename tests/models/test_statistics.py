import pytest
import torch
from helpers import assert_same_state, state_of
from torch import nn

from i2vda_mmseg.models.statistics import evaluating, frozen_statistics


def network(momentum=0.1):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=momentum), nn.Conv2d(4, 2, 1))


def test_statistics_stay_but_the_batch_normalises():
    net, x = network().train(), torch.randn(2, 3, 6, 9)
    expected = net(x)
    state = state_of(net)
    with frozen_statistics(net):
        out = net(x)
        assert net[1].training
    assert torch.equal(out, expected)
    assert torch.equal(net[1].running_mean, state['1.running_mean'])
    assert torch.equal(net[1].running_var, state['1.running_var'])


@pytest.mark.parametrize('momentum', [0.1, None])
def test_a_frozen_pass_leaves_no_trace(momentum):
    """With momentum None the running statistics are the mean over all passes: a frozen one must not be counted."""
    net, other = network(momentum), network(momentum)
    other.load_state_dict(net.state_dict())
    x, y = torch.randn(2, 3, 6, 9), 3 + torch.randn(2, 3, 6, 9)
    with frozen_statistics(net):
        net(x)
    net(y)
    other(y)
    torch.testing.assert_close(net[1].running_mean, other[1].running_mean)
    torch.testing.assert_close(net[1].running_var, other[1].running_var)


def test_disabled_does_nothing():
    net, other, x = network(), network(), torch.randn(2, 3, 6, 9)
    other.load_state_dict(net.state_dict())
    with frozen_statistics(net, enabled=False):
        net(x)
    other(x)
    assert_same_state(net, state_of(other))


@pytest.mark.parametrize('momentum', [0.3, None])
def test_restored_also_after_an_exception(momentum):
    net = network(momentum)
    with pytest.raises(RuntimeError, match='broken'), frozen_statistics(net):
        raise RuntimeError('broken')
    assert net[1].momentum == momentum


def test_evaluating_gives_each_part_its_mode_back_whatever_happens():
    parts = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3).eval(), nn.Dropout()))
    modes = [module.training for module in parts.modules()]

    def fail():
        with evaluating(parts):
            assert not any(module.training for module in parts.modules())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [module.training for module in parts.modules()] == modes
    assert len(set(modes)) == 2
