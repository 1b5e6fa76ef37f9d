import warnings

import pytest
import torch
from helpers import tiny_method, tiny_segmentor_cfg
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.engine.optimizers import RepeatedSteps, SeparateOptimWrapperConstructor, walk_counts
from i2vda_mmseg.errors import ConfigError

SGD_KEYS = ('lr', 'momentum', 'weight_decay', 'nesterov')
SGD = dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4)


def released_walk(backbone):
    """AdaptSegNet's list: for the stem and each stage all modules, for each module all parameters below it."""
    listed = []
    for part in backbone.children():
        for module in part.modules():
            listed += [parameter for parameter in module.parameters() if parameter.requires_grad]
    return listed


def resnet(depth, kind='DeepLabResNet', **options):
    init_default_scope('mmseg')
    cfg = dict(type=kind, depth=depth, norm_cfg=dict(type='BN', requires_grad=False)) | options
    with torch.device('meta'):
        return MODELS.build(cfg)


def small_model(seed=0):
    """A method over a small ResNet, with convolutions that the walk lists once, three and four times."""
    torch.manual_seed(seed)
    segmentor = tiny_segmentor_cfg()
    segmentor.backbone = dict(type='DeepLabResNet', depth=18, base_channels=4, out_indices=(3,))
    segmentor.decode_head.in_channels = 32
    segmentor.decode_head.in_index = 0
    return tiny_method('SourceOnly', segmentor=segmentor)


def wrapper_of(model, steps='released', **options):
    cfg = dict(optimizer=SGD, paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0)))) | options
    return SeparateOptimWrapperConstructor(dict(backbone_steps=steps, segmentor=cfg))(model)['segmentor']


def duplicated(model, optimizer=torch.optim.SGD, **options):
    """The optimizer of the released codes: a backbone group with repeated entries, a head group."""
    options = options or dict(lr=2.5e-4, momentum=0.9, weight_decay=5e-4)
    backbone = released_walk(model.segmentor.backbone)
    head = dict(params=list(model.segmentor.decode_head.parameters()), lr=10 * options['lr'])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return optimizer([dict(params=backbone), head], **options, foreach=False, fused=False)


def gradients(model, iteration, scale=1.0):
    generator = torch.Generator().manual_seed(iteration)
    for parameter in model.segmentor.parameters():
        parameter.grad = scale * torch.randn(parameter.shape, generator=generator)


def assert_equal(model, other):
    for (name, ours), theirs in zip(model.segmentor.named_parameters(), other.segmentor.parameters()):
        assert torch.equal(ours, theirs), name


@pytest.mark.parametrize(
    ('backbone', 'entries', 'tensors'),
    [
        (dict(depth=101), 314, 104),
        (dict(depth=50), 1 + 3 * 48 + 4 * 4, 53),
        (dict(depth=18), 1 + 3 * 16 + 4 * 3, 20),
        (dict(depth=50, kind='ResNetV1c'), 2 * 3 + 3 * 48 + 4 * 4, 55),
    ],
)
def test_how_often_the_walk_lists_the_convolutions(backbone, entries, tensors):
    network = resnet(**backbone)
    counts = walk_counts(network)
    assert (sum(counts.values()), len(counts)) == (entries, tensors)
    listed = [id(parameter) for parameter in released_walk(network)]
    assert counts == {name: listed.count(id(p)) for name, p in network.named_parameters() if p.requires_grad}
    stem = next(iter(counts))
    assert counts[stem] == (2 if stem.startswith('stem') else 1)
    assert (counts['layer1.1.conv1.weight'], counts['layer2.0.downsample.0.weight']) == (3, 4)


def test_a_parameter_of_the_backbone_itself_and_a_shared_module():
    network = nn.Module()
    network.token = nn.Parameter(torch.zeros(1))
    network.one = nn.Linear(1, 1, bias=False)
    network.two = nn.Sequential(network.one)
    assert walk_counts(network) == {'token': 1, 'one.weight': 1 + 2}


@pytest.mark.parametrize(('count', 'moved'), [(3, 0.01499), (1, 0.00498)])
def test_two_thousand_steps_of_a_constant_gradient(count, moved):
    parameter = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([parameter], lr=2.5e-4, momentum=0.9)
    RepeatedSteps(optimizer, {parameter: count})
    for _ in range(2000):
        parameter.grad = torch.full((1,), 1e-3)
        optimizer.step()
    assert 1 - parameter.item() == pytest.approx(moved, abs=5e-6)


@pytest.mark.parametrize('options', [{}, dict(nesterov=True), dict(foreach=True), dict(fused=True)])
@pytest.mark.parametrize('wrapped', [False, True])
def test_released_steps_are_those_of_repeated_entries(options, wrapped):
    model, other = small_model(), small_model()
    if wrapped:  # as by DDP, the networks and the method
        network, model.segmentor = model.segmentor, nn.DataParallel(model.segmentor)
        wrapper = wrapper_of(nn.DataParallel(model), optimizer=SGD | options)
        model.segmentor = network
    else:
        wrapper = wrapper_of(model, optimizer=SGD | options)
    reference = duplicated(other, **{key: value for key, value in (SGD | options).items() if key in SGD_KEYS})
    for iteration in range(4):
        gradients(model, iteration)
        gradients(other, iteration)
        wrapper.step()
        reference.step()
        assert_equal(model, other)
    assert not torch.equal(model.segmentor.backbone.conv1.weight, small_model().segmentor.backbone.conv1.weight)


def test_an_optimizer_that_counts_its_steps():
    model, other = small_model(), small_model()
    wrapper = wrapper_of(model, optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
    reference = duplicated(other, torch.optim.AdamW, lr=1e-3, weight_decay=0.01)
    for iteration in range(3):
        gradients(model, iteration)
        gradients(other, iteration)
        wrapper.step()
        reference.step()
    assert_equal(model, other)


def test_once_is_plain():
    model, other = small_model(), small_model()
    wrapper = wrapper_of(model, 'once')
    head = dict(params=list(other.segmentor.decode_head.parameters()), lr=2.5e-3)
    groups = [dict(params=list(other.segmentor.backbone.parameters())), head]
    reference = torch.optim.SGD(groups, lr=2.5e-4, momentum=0.9, weight_decay=5e-4)
    for iteration in range(3):
        gradients(model, iteration)
        gradients(other, iteration)
        wrapper.step()
        reference.step()
    assert_equal(model, other)


@pytest.mark.parametrize('before', ['released', 'once'])
def test_a_checkpoint_of_either_setting_goes_on_exactly(before):
    model, other = small_model(), small_model()
    first, whole = wrapper_of(model, before), wrapper_of(other, before)
    for iteration in range(2):
        gradients(model, iteration)
        gradients(other, iteration)
        first.step()
        whole.step()
    state = first.state_dict()
    assert all(len(set(group['params'])) == len(group['params']) for group in state['param_groups'])
    resumed = wrapper_of(model, 'released')
    resumed.load_state_dict(state)
    reference = duplicated(other)
    reference.state.update(whole.optimizer.state)
    gradients(model, 2)
    gradients(other, 2)
    resumed.step()
    reference.step()
    assert_equal(model, other)


def test_gradients_are_clipped_by_the_norm_of_each_parameter_once():
    model, other = small_model(), small_model()
    wrapper = wrapper_of(model, clip_grad=dict(max_norm=1.0))
    reference = duplicated(other)
    gradients(model, 0)
    gradients(other, 0)
    wrapper.step()
    torch.nn.utils.clip_grad_norm_(other.segmentor.parameters(), 1.0)
    reference.step()
    assert_equal(model, other)


def test_gradients_are_unscaled_once():
    model, other = small_model(), small_model()
    optimizer, reference = wrapper_of(model).optimizer, duplicated(other)
    scaler = torch.amp.GradScaler('cpu', init_scale=1024.0)
    scaler.scale(torch.zeros(1))  # the scaler starts with its first loss
    gradients(model, 0, scale=1024.0)
    gradients(other, 0)
    scaler.step(optimizer)
    reference.step()
    assert_equal(model, other)


def test_a_window_of_accumulation_is_one_iteration():
    model, other = small_model(), small_model()
    wrapper, reference = wrapper_of(model, accumulative_counts=2), duplicated(other)
    wrapper.initialize_count_status(model.segmentor, 0, 4)
    images = torch.rand(2, 3, 32, 40)

    def loss(network):
        return network.segmentor.decode_head(network.segmentor.backbone(images)).square().mean()

    for _ in range(2):
        wrapper.update_params(loss(model.eval()))
    (loss(other.eval()) / 2).backward()
    (loss(other) / 2).backward()
    reference.step()
    assert_equal(model, other)


def test_a_step_that_fails_leaves_nothing_behind():
    model, other = small_model(), small_model()
    wrapper, reference = wrapper_of(model), duplicated(other)

    def fail():
        raise RuntimeError('out of memory')

    with pytest.raises(RuntimeError, match='out of memory'):
        wrapper.optimizer.step(fail)
    gradients(model, 0)
    gradients(other, 0)
    wrapper.step()
    reference.step()
    assert_equal(model, other)


def test_values_that_are_refused():
    with pytest.raises(ConfigError, match=r"optim_wrapper\.backbone_steps.*'once', 'released'.*'twice'"):
        wrapper_of(small_model(), 'twice')
    model = small_model()
    model.judge = nn.Linear(1, 1)
    constructor = SeparateOptimWrapperConstructor(dict(judge=dict(optimizer=SGD)), backbone_steps='released')
    with pytest.raises(ConfigError, match=r"optim_wrapper\.backbone_steps.*\['judge'\] have none"):
        constructor(model)
