"""M compiled: the same figures and checkpoints, no graph breaks."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from helpers import domain_batch, optimizers, ready, state_of, tiny_method
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from i2vda_mmseg.apis.checked_runner import CheckedRunner
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.compiled_network import CompiledForward, compile_network, graph_breaks


def trained(model, steps=2):
    wrapper = optimizers(model, lr=0.05)
    logged = [model.train_step(domain_batch(seed=step), wrapper) for step in range(steps)]
    return state_of(model), logged


@pytest.mark.parametrize('backend', ['eager', 'aot_eager'])
def test_steps_are_the_same(backend):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = ready(tiny_method('I2VDA')).train()
    plain, compiled = deepcopy(model), deepcopy(model)
    assert compile_network(compiled.segmentor, dict(backend=backend)) == ['backbone', 'decode_head']
    (expected, terms), (found, others) = trained(plain), trained(compiled)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6, msg=lambda m, n=name: f'{n}: {m}')
    for before, after in zip(terms, others):
        assert before.keys() == after.keys()
        assert all(after[name] == pytest.approx(float(value), rel=1e-4) for name, value in before.items())
    plain.load_state_dict(compiled.state_dict())


def test_what_runs_is_the_compiled_graph():
    seen = []

    def backend(graph, inputs):
        seen.append(graph)
        return graph.forward

    model = ready(tiny_method('SourceOnly'))
    compile_network(model.segmentor, dict(backend=backend))
    model.train_step(domain_batch(), optimizers(model))
    assert len(seen) == 2  # the backbone and the head, whose loss calls its forward


def test_a_copy_has_weights_of_its_own():
    model = ready(tiny_method('I2VDA'))
    compile_network(model.segmentor, dict(backend='eager'))
    other = deepcopy(model.segmentor)
    images = torch.rand(1, 3, 32, 48)
    before = model.segmentor(images, mode='tensor')
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert not other(images, mode='tensor').any()
    assert torch.equal(model.segmentor(images, mode='tensor'), before)
    assert isinstance(other.backbone.forward, CompiledForward)
    assert other.backbone.forward.module is other.backbone


def test_the_proxy_follows():
    model = ready(tiny_method('I2VDA'))
    compile_network(model.segmentor, dict(backend='eager'))
    trained(model, steps=1)
    model.copy_to_proxy()
    images = torch.rand(1, 3, 32, 48)
    model.segmentor.eval()
    torch.testing.assert_close(model.proxy(images, mode='tensor'), model.segmentor(images, mode='tensor'))
    assert not isinstance(model.proxy.backbone.forward, CompiledForward)


@pytest.mark.parametrize('leaf', [
    'i2vda/deeplabv2_r18_streetworld', 'daformer/daformer_mit-b0_viper2cs', 'davsn/deeplabv2_r18_streetworld',
])  # fmt: skip
def test_no_graph_breaks_in_the_networks_of_the_configs(request, leaf):
    config = load_config(str(request.config.rootpath / f'configs/{leaf}.py'))
    config.model.segmentor.backbone.init_cfg = None
    network = MODELS.build(config.model.segmentor).train()
    found = graph_breaks(network, torch.rand(2, 8 if 'davsn' in leaf else 3, 64, 96))
    assert found.keys() >= {'backbone', 'decode_head'}
    assert set(found.values()) == {0}


def test_a_break_is_counted():
    model = tiny_method('SourceOnly')
    forward = type(model.segmentor.backbone).forward

    class Broken(type(model.segmentor.backbone)):
        def forward(self, x):
            if x.sum().item() > 1e9:
                return (x,)
            return forward(self, x)

    model.segmentor.backbone.__class__ = Broken
    assert graph_breaks(model.segmentor, torch.rand(1, 3, 32, 48))['backbone'] > 0


@pytest.mark.parametrize(
    ('option', 'parts'), [(True, True), (dict(backend='eager'), True), (False, False), (None, False)]
)
def test_the_key_of_a_config(monkeypatch, option, parts):
    compiled = []
    monkeypatch.setattr(torch, 'compile', lambda function, **options: compiled.append(options) or function)
    model, said = tiny_method('SourceOnly'), []
    runner = CheckedRunner.__new__(CheckedRunner)
    runner.model, runner.cfg = model, dict(compile=option)
    runner.logger = SimpleNamespace(info=said.append)
    runner._maybe_compile('train_step')
    assert compiled == ([option if isinstance(option, dict) else {}] * 2 if parts else [])
    assert len(said) == parts
    assert 'train_step' not in vars(model)
