"""The stand-alone scripts run, and are what the package's own methods are."""

import ast
import runpy

import pytest
import torch

from i2vda_mmseg.models.heads import OcclusionAwarePseudoLabelHead

NAMES = ('adversarial', 'fourier', 'image_to_video', 'self_training', 'two_frames')
ELSEWHERE = ('label_frame',)  # of an exported network: tests/end_to_end/test_examples.py


@pytest.fixture
def load(request):
    return lambda name: runpy.run_path(str(request.config.rootpath / f'examples/{name}.py'))


def test_every_script_is_tried(request):
    assert sorted(path.stem for path in (request.config.rootpath / 'examples').glob('*.py')) == sorted(
        NAMES + ELSEWHERE
    )


@pytest.mark.parametrize('name', NAMES)
def test_a_script_stands_alone(name, request):
    tree = ast.parse((request.config.rootpath / f'examples/{name}.py').read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    ours = {'i2vda_mmseg.ops', 'i2vda_mmseg.flow', 'i2vda_mmseg.streetworld'}
    assert modules <= ours | {'torch', 'torch.nn.functional', 'copy', 'itertools'}


@pytest.mark.parametrize(
    ('name', 'option'),
    [
        ('adversarial', dict(lambda_adv=0.0)),
        ('adversarial', dict(entropy=True)),
        ('fourier', dict(beta=0.0)),
        ('image_to_video', dict(lambda_adv=0.0)),
        ('image_to_video', dict(delta=0.0)),
        ('self_training', dict(portions=(0.9,))),
        ('two_frames', dict(lambda_tps=0.0)),
    ],
)
def test_a_script_runs_and_its_settings_act_after_half_of_the_iterations_only(load, name, option):
    large = dict(adversarial=dict(lambda_adv=9.0), image_to_video=dict(delta=1.0, lambda_adv=9.0))
    options = dict(iterations=12, images=4) | large.get(name, {})
    main = load(name)['main']
    before, after = main(**options)
    otherwise = main(**(options | option))
    assert 0 < before < 100
    assert 0 < after < 100
    assert otherwise[0] == before
    assert otherwise[1] != after


def test_i2vda_labels_what_the_method_does(load):
    script = load('image_to_video')
    torch.manual_seed(0)
    frame, flow_01 = torch.rand(2, 3, 8, 16) * 255, torch.randn(2, 2, 8, 16)
    flow_10 = -flow_01 + 0.8 * torch.randn(2, 2, 8, 16)
    proxy = script['network']()
    for parameter in proxy.parameters():
        parameter.data *= 3  # surer than a network that has learnt nothing
    labels = script['pseudo_labels'](proxy, frame, flow_01, flow_10, 0.3)
    head = OcclusionAwarePseudoLabelHead(delta=0.3, eta=1.0, frame='1')
    assert torch.equal(labels, head(script['predict'](proxy, frame), flow_01, flow_10))
    assert 0 < (labels == 255).float().mean() < 1


@torch.no_grad()
def test_self_training_labels_the_surest_portion_of_each_class(load):
    script = load('self_training')
    torch.manual_seed(0)
    net, images = script['network'](), torch.rand(3, 3, 16, 32) * 255
    probs = script['predict'](net, images).softmax(1)
    confidence, predicted = probs.max(1)
    thresholds = torch.ones(script['CLASSES'])
    for index in predicted.unique():
        ordered = confidence[predicted == index].sort(descending=True).values
        thresholds[index] = ordered[max(int(0.25 * len(ordered)) - 1, 0)]
    score, label = (probs / thresholds[:, None, None]).max(1)
    expected = torch.where(score >= 1, label, 255)
    labels = script['pseudo_labels'](net, images, 0.25)
    assert (labels == expected).float().mean() > 0.99  # the histogram has 65,536 bins
    assert 0.2 < (labels != 255).float().mean() < 0.9


def test_two_frames_take_the_target_s_colours_and_keep_their_own_order(load):
    in_colours_of = load('two_frames')['in_colours_of']
    image, target = torch.rand(1, 3, 4, 6), 5 + torch.rand(1, 3, 4, 6)
    matched = in_colours_of(image, target)
    assert torch.equal(matched.flatten(2).sort(2).values, target.flatten(2).sort(2).values)
    assert torch.equal(matched.flatten(2).argsort(2), image.flatten(2).argsort(2))


def test_miou_is_that_of_a_loop(load):
    script = load('fourier')
    torch.manual_seed(0)
    net, images = script['network'](), torch.rand(2, 3, 8, 16) * 255
    labels = torch.randint(0, 3, (2, 8, 16))
    predicted = script['predict'](net, images).argmax(1)
    shares = []
    for index in range(script['CLASSES']):
        ours, theirs = predicted == index, labels == index
        if (ours | theirs).any():
            shares.append(((ours & theirs).sum() / (ours | theirs).sum()).item())
    assert script['miou'](net, images, labels) == pytest.approx(100 * sum(shares) / len(shares), rel=1e-5)
