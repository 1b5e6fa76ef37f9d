from functools import partial

import pytest
import torch
from helpers import batch_of, domain_batch, optimizers, ready, state_of, tiny_method, tiny_multi_level_method
from mmengine.optim import AmpOptimWrapper
from torch import nn

from i2vda_mmseg.flow import FlowEstimator

METHODS = ('SourceOnly', 'AdaptSegNet', 'I2VDA')
BFLOAT16 = dict(type='Bfloat16OptimWrapper')


def trained(method, steps=3, device='cpu', **wrapper):
    """Train a tiny method; give the logged terms of each iteration, and the model."""
    torch.manual_seed(3)
    model = ready(tiny_method(method)).to(device)
    steppers = optimizers(model, lr=0.05, **wrapper)
    return [model.train_step(domain_batch(seed=step), steppers) for step in range(steps)], model


def dtypes_of(model):
    """Record in which precision each network and each convolution in it gives its output."""
    seen = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda *args, name=name: seen.setdefault(name, set()).add(args[-1].dtype))
    return seen


@pytest.mark.parametrize('method', METHODS)
def test_agrees_with_float32(method):
    """Within 2 %: bfloat16 keeps 8 bits."""
    for half, full in zip(trained(method, **BFLOAT16)[0], trained(method)[0]):
        assert half.keys() == full.keys()
        for name, value in full.items():
            assert half[name].dtype == torch.float32
            torch.testing.assert_close(half[name], value, rtol=0.02, atol=0.02)


@pytest.mark.parametrize('network', ['segmentor', 'discriminator'])
def test_updates_point_where_those_of_float32_do(network):
    torch.manual_seed(3)
    start = state_of(getattr(ready(tiny_method('I2VDA')), network))
    updates = []
    for wrapper in (BFLOAT16, {}):
        now = state_of(getattr(trained('I2VDA', steps=1, **wrapper)[1], network))
        updates.append(torch.cat([(now[name] - start[name]).detach().flatten() for name in now]))
    half, full = updates
    assert not torch.equal(half, full)
    assert nn.functional.cosine_similarity(half, full, dim=0) > 0.99
    assert 0.97 < half.norm() / full.norm() < 1.03


def test_networks_compute_in_bfloat16_and_all_else_in_float32():
    torch.manual_seed(3)
    model = ready(tiny_method('I2VDA'))
    seen, losses, flows = dtypes_of(model), [], []
    takers = (model.segmentor.decode_head.loss_decode, model.loss_ce, model.loss_gan, model.pseudo_label_head)
    for module in takers:
        module.register_forward_pre_hook(lambda module, args: losses.append(args[0].dtype))
    model.flow_estimator.register_forward_hook(lambda *args: flows.append(args[-1].dtype))
    model.train_step(domain_batch(), optimizers(model, **BFLOAT16))
    assert {name.partition('.')[0] for name in seen} == {'segmentor', 'proxy', 'discriminator'}
    assert all(dtypes == {torch.bfloat16} for dtypes in seen.values())
    assert losses == [torch.float32] * 8  # L_seg, L_tc, PL, L_adv of two frames, L_d of three predictions
    assert flows == [torch.float32] * 2
    assert {value.dtype for value in model.state_dict().values() if value.is_floating_point()} == {torch.float32}


class ConvFlow(FlowEstimator):
    """A network, which autocast would run in bfloat16."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 2, 3, padding=1)

    def estimate(self, frame_a, frame_b, keys):
        return self.conv(torch.cat((frame_a, frame_b), dim=1) / 255)


def test_flow_and_geometry_are_those_of_float32():
    model = ready(tiny_method('I2VDA'))
    model.flow_estimator = ConvFlow().requires_grad_(False)
    target = batch_of(model)['target']
    clip = model.target_clip(target)
    with optimizers(model, **BFLOAT16)['segmentor'].optim_context(model.segmentor):
        half = model.target_clip(target)
        assert torch.equal(model.temporal.flow_to_t(half), model.temporal.flow_to_t(clip))
    for found, expected in zip(half, clip):
        assert torch.equal(found, expected) if torch.is_tensor(found) else found == expected


@pytest.fixture
def scaler_on_a_cpu(monkeypatch):
    """Let mmengine's wrapper for float16 run here: with its scaler, over bfloat16."""
    module = 'mmengine.optim.optimizer.amp_optimizer_wrapper'
    monkeypatch.setattr(f'{module}.is_cuda_available', lambda: True)
    monkeypatch.setattr(f'{module}.GradScaler', partial(torch.amp.GradScaler, device='cpu'))
    return dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=dict(init_scale=1024.0, growth_interval=2))


@pytest.mark.parametrize('counts', [1, 2])
def test_a_loss_scaler_changes_no_update(scaler_on_a_cpu, counts):
    """A power of two scales without rounding: the steps of M and D are those without a scaler, bit for bit."""
    (_, scaled), (_, plain) = (
        trained('I2VDA', 4, accumulative_counts=counts, **wrapper) for wrapper in (scaler_on_a_cpu, BFLOAT16)
    )
    expected = state_of(plain)
    assert all(torch.equal(value, expected[name]) for name, value in state_of(scaled).items())


def test_a_loss_scaler_leaves_out_a_step_that_overflows(scaler_on_a_cpu):
    torch.manual_seed(3)
    model = ready(tiny_method('I2VDA'))
    steps = optimizers(model, **scaler_on_a_cpu)
    assert isinstance(steps['segmentor'], AmpOptimWrapper)
    before = state_of(model.segmentor)
    weight = model.segmentor.backbone.conv.weight
    handle = weight.register_hook(lambda gradient: gradient * float('inf'))
    model.train_step(domain_batch(), steps)
    handle.remove()
    assert all(torch.equal(value, before[name]) for name, value in state_of(model.segmentor).items())
    assert [wrapper.loss_scaler.get_scale() for wrapper in steps.values()] == [512.0, 1024.0]
    stored = steps.state_dict()
    again = optimizers(model, **scaler_on_a_cpu)
    again.load_state_dict(stored)
    assert again['segmentor'].loss_scaler.get_scale() == 512.0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('wrapper', [BFLOAT16, dict(type='AmpOptimWrapper', dtype='float16')])
def test_agrees_with_float32_on_a_gpu(wrapper):
    results = [trained('I2VDA', device='cuda', **options)[0] for options in (wrapper, {})]
    for half, full in zip(*results):
        for name, value in full.items():
            torch.testing.assert_close(half[name], value, rtol=0.02, atol=0.02)


@pytest.mark.parametrize('method', ['SourceOnly', 'FDA', 'MinEnt'])
def test_logits_leave_the_network_in_float32(method):
    """Entropies and losses at the size of the features, too, are not computed in bfloat16."""
    model = tiny_multi_level_method(method) if method == 'MinEnt' else tiny_method(method)
    with torch.autocast('cpu', torch.bfloat16):
        assert model.segmentor.backbone.conv(torch.zeros(1, 3, 32, 40)).dtype == torch.bfloat16
        for predict in (model.coarse_logits, model.level_logits):
            assert {logits.dtype for logits in predict(torch.rand(1, 3, 32, 40)).values()} == {torch.float32}
