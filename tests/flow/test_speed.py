"""What makes mmflow's networks faster leaves their flow as it is."""

import torch
import torch.nn.functional as F
from torch import nn

from i2vda_mmseg.flow.models.speed import lay_out, without_waste


class Deconv(nn.Module):
    """Like mmflow's module around a transposed convolution."""

    def __init__(self):
        super().__init__()
        self.deconvs = nn.Sequential(nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1), nn.LeakyReLU(0.1))
        self.elsewhere = nn.LeakyReLU(0.1)

    def forward(self, x):
        return self.deconvs(self.elsewhere(x))


class Warp(nn.Module):
    """Like mmflow's warp: it masks by default."""

    def __init__(self, padding_mode):
        super().__init__()
        self.padding_mode, self.use_mask = padding_mode, True


class Linked(nn.Module):
    """A network that hands its flow to ``link``, like FlowNet2."""

    def __init__(self):
        super().__init__()
        self.link = Enlarge()

    def forward(self, frame, flow):
        return self.link(frame, frame, flow, 20.0)


class Enlarge(nn.Module):
    def forward(self, frame_a, frame_b, flow, flow_div):
        return flow_div * F.interpolate(flow, frame_a.shape[-2:], mode='nearest')


@torch.no_grad()
def test_only_activations_behind_a_transposed_convolution_overwrite_their_input():
    network, x = Deconv(), torch.randn(1, 3, 4, 6)
    expected, before = network(x), x.clone()
    without_waste(network)
    assert (network.deconvs[1].inplace, network.elsewhere.inplace) == (True, False)
    assert torch.equal(network(x), expected)
    assert torch.equal(x, before)


def test_only_warps_that_repeat_the_border_lose_their_mask():
    warps = nn.ModuleList([Warp('border'), Warp('zeros')])
    without_waste(warps)
    assert [warp.use_mask for warp in warps] == [False, True]


def test_flow_takes_the_layout_of_the_frames():
    network, frame = Linked(), torch.randn(2, 3, 8, 12)
    flow = torch.randn(2, 2, 2, 3).contiguous(memory_format=torch.channels_last)
    expected = network(frame, flow)
    assert not expected.is_contiguous()
    without_waste(network)
    joined = network(frame, flow)
    assert torch.equal(joined, expected)
    assert joined.is_contiguous()
    assert list(network.state_dict()) == []


def test_weights_are_laid_out_for_the_device():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for device, memory_format in (('cpu', torch.channels_last), ('cuda', torch.contiguous_format)):
        lay_out(network, torch.device(device))
        assert network[0].weight.is_contiguous(memory_format=memory_format)
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
