"""mmflow's networks as estimators: sizes, input, output, and what they keep to themselves."""

import copy
import warnings
from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from helpers import domain_batch, optimizers, tiny_i2vda

from i2vda_mmseg.flow import MMFlow
from i2vda_mmseg.flow.models import NETWORKS
from i2vda_mmseg.flow.models.layers import InputNormalization

# not importorskip: mmflow's own check of mmcv's version would fail it
pytestmark = pytest.mark.skipif(find_spec('mmflow') is None, reason='mmflow is not installed')

COUNTS = dict(
    flownet2=162_518_834, gma=5_798_209, liteflownet2=6_428_112, pwcnet=9_374_274, raft=5_257_536
)  # fmt: skip
QUICK = ('liteflownet2', 'pwcnet', 'raft')


@pytest.fixture(scope='session')
def build():
    """Build each network once: FlowNet2 takes seconds and 650 MB."""
    built = {}

    def give(name):
        if name not in built:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', UserWarning)
                torch.manual_seed(0)
                built[name] = MMFlow(name, correlation='torch')
        return built[name]

    return give


def frames(batch=1, size=(70, 100), seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = 255 * torch.rand(2 * batch, 3, 9, 13, generator=generator)
    return F.interpolate(coarse, size, mode='bilinear').chunk(2)


@pytest.mark.parametrize('name', ['flownet2', *QUICK])
def test_any_size_and_any_batch(build, name):
    estimator = build(name)
    assert sum(parameter.numel() for parameter in estimator.parameters()) == COUNTS[name]
    frame_a, frame_b = frames(batch=3)
    flow = estimator(frame_a, frame_b)
    assert flow.shape == (3, 2, 70, 100)
    assert flow.dtype == torch.float32
    assert flow.isfinite().all()
    # every pair gets its own flow
    single = estimator(frame_a[2:], frame_b[2:])
    assert torch.allclose(flow[2:], single, atol=1e-2 * single.abs().max())
    assert not torch.allclose(flow[:1], single, atol=0.1 * single.abs().max())


@pytest.mark.slow
def test_gma():
    with pytest.warns(UserWarning, match=r"MMFlow\(model='gma'\) has random weights"):
        estimator = MMFlow('gma')
    assert sum(parameter.numel() for parameter in estimator.parameters()) == COUNTS['gma']
    assert estimator(*frames(size=(40, 70))).shape == (1, 2, 40, 70)


@pytest.mark.parametrize('name', ['flownet2', *QUICK])
def test_constant_frames_give_finite_flow(build, name):
    for value in (0, 255):
        frame = torch.full((1, 3, 64, 96), value, dtype=torch.uint8)
        assert build(name)(frame, frame).isfinite().all()


@pytest.mark.parametrize('name', QUICK)
@pytest.mark.parametrize('size', [(1, 1), (33, 129)])
def test_small_and_odd_sizes(build, name, size):
    flow = build(name)(*frames(size=size))
    assert flow.shape == (1, 2, *size)
    assert flow.isfinite().all()


def test_frozen_and_in_eval_mode(build):
    estimator = build('raft')
    frame_a, frame_b = frames()
    assert not estimator(frame_a.requires_grad_(), frame_b).requires_grad
    estimator.train()
    assert not any(module.training for module in estimator.modules())
    assert not any(parameter.requires_grad for parameter in estimator.parameters())


def test_flow_can_be_saved_for_backward(build):
    flow = build('pwcnet')(*frames())
    scale = torch.ones(1, requires_grad=True)
    (scale * flow).sum().backward()
    assert scale.grad.isfinite().all()


def test_chunks_equal_the_whole_batch(build):
    estimator = copy.copy(build('pwcnet'))
    frame_a, frame_b = frames(batch=5, size=(64, 64))
    seen = []
    handle = estimator.network.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    estimator.max_batch = 8
    whole = estimator(frame_a, frame_b)
    estimator.max_batch = 2
    assert torch.allclose(estimator(frame_a, frame_b), whole, atol=1e-3 * whole.abs().max())
    handle.remove()
    assert seen == [5, 2, 2, 1]


def test_autocast_does_not_reach_the_network(build):
    estimator, pair = build('liteflownet2'), frames()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        flow = estimator(*pair)
    assert torch.equal(flow, estimator(*pair))


def test_input_of_each_network(build):
    """mmflow reads images as BGR; RAFT works in -1..1, the others in 0..1."""
    frame = torch.tensor([255.0, 51.0, 0.0]).view(1, 3, 1, 1)
    for name, expected in dict(flownet2=(0, 0.2, 1), pwcnet=(0, 0.2, 1), raft=(-1, -0.6, 1)).items():
        for output in build(name).normalize(frame, frame):
            assert output.flatten().tolist() == pytest.approx(expected)


def test_input_of_nvidia():
    cfg = NETWORKS['flownet2_nvidia']()['data_preprocessor']
    a, b = InputNormalization(**cfg)(*frames(batch=2))
    assert (a + b).mean((2, 3)).abs().max() < 1e-5
    assert torch.allclose(a - b, (frames(batch=2)[0] - frames(batch=2)[1]) / 255, atol=1e-5)


@pytest.mark.parametrize('options', [dict(rgb_to_bgr=True), dict(bgr_to_rgb=True, sigma_range=(0, 0.04))])
def test_input_options_of_mmflow(options):
    frame = torch.tensor([3.0, 2.0, 1.0]).view(1, 3, 1, 1)
    assert torch.equal(InputNormalization(**options)(frame, frame)[1], frame)


def test_scaled_flow_in_pixels(build):
    """The network's own output, enlarged to the frame and multiplied by what it was trained to be divided by."""
    estimator = build('pwcnet')
    frame_a, frame_b = frames(size=(64, 128))
    flow = estimator(frame_a, frame_b)
    with torch.no_grad():
        raw = estimator.network(torch.cat((frame_a, frame_b), 1).flip(1)[:, [3, 4, 5, 0, 1, 2]] / 255, mode='tensor')
    expected = 20 * F.interpolate(raw['level2'], (64, 128), mode='bilinear')
    assert torch.allclose(flow, expected, atol=1e-4 * expected.abs().max())


def test_no_weight_leaves_i2vda(build, tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(build('raft').network.state_dict(), path)
    model = tiny_i2vda(flow_estimator=dict(type='MMFlow', model='raft', checkpoint=str(path)))
    own = {id(parameter) for parameter in model.flow_estimator.parameters()}
    assert not any('flow_estimator' in key for key in model.state_dict())
    wrapper = optimizers(model)
    trained = {id(p) for optim in wrapper.values() for group in optim.optimizer.param_groups for p in group['params']}
    assert not own & trained
    # DDP wraps, and puts into buckets, the children that have something to train
    assert not any(parameter.requires_grad for parameter in model.flow_estimator.parameters())
    before = copy.deepcopy(model.flow_estimator.state_dict())
    model.train()
    assert not any(module.training for module in model.flow_estimator.modules())
    model.launched = True
    model.train_step(domain_batch(), wrapper)
    assert all(torch.equal(value, before[key]) for key, value in model.flow_estimator.state_dict().items())
