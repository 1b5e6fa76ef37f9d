"""Weights of each published layout, in the networks of this project."""

import importlib.util
import re
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from published_deeplab import published

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.models.segmentors.frame_fusion import stack_frames

ROOT = Path(__file__).parents[2]
CONVERTER = ROOT / 'tools' / 'model_converters' / 'deeplab_v2.py'
TWO, ONE = {'layer5': 3, 'layer6': 4}, {'layer5': 4}
LAYOUTS = {'AdaptSegNet or ADVENT': TWO, 'ADVENT\n': {'layer6': 4}, 'FDA or CRST': ONE}


@pytest.fixture(scope='module')
def converter():
    spec = importlib.util.spec_from_file_location('deeplab_v2_converter', CONVERTER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def convert(converter, tmp_path, monkeypatch, capsys):
    """Run the command line on what a file would hold; gives the file written and what was said."""

    def run(content, *options, **save):
        source, target = tmp_path / 'in.pth', tmp_path / 'out' / 'out.pth'
        torch.save(content, source, **save)
        monkeypatch.setattr(sys, 'argv', ['deeplab_v2.py', str(source), str(target), *options])
        converter.main()
        return target, capsys.readouterr().out

    return run


def our_network(depth=50, width=4, classes=5, two_heads=False, dilations=(6, 12, 18, 24), **options):
    """Build the network of our configs, narrower."""
    config = load_config(str(ROOT / 'configs/source_only/deeplabv2_r101_viper2cs.py')).model.segmentor
    config.backbone.update(depth=depth, base_channels=width, stem_channels=width, init_cfg=None)
    config.decode_head.update(in_channels=32 * width, num_classes=classes, dilations=dilations)
    if two_heads:
        config.type = 'MultiLevelEncoderDecoder'
        config.auxiliary_head = dict(deepcopy(config.decode_head), in_channels=16 * width, in_index=2)
    config.update(options)
    return MODELS.build(config).eval()


def assert_same_logits(reference, network, size=(49, 81)):
    images = 50 * torch.randn(1, 3, *size)
    with torch.no_grad():
        expected, logits = list(reference(images).values())[::-1], network(images, mode='tensor')
    logits = logits if isinstance(logits, tuple) else (logits,)
    assert len(logits) == len(expected)
    for ours, theirs in zip(logits, expected):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()
    return logits


@pytest.mark.parametrize('name', LAYOUTS)
def test_same_logits_from_every_layout(convert, name):
    reference = published(heads=LAYOUTS[name])
    target, said = convert(reference.state_dict())
    assert f'layout of {name}' in said
    network = our_network(two_heads=LAYOUTS[name] is TWO)
    load_checkpoint(network, str(target), strict=True)
    assert_same_logits(reference, network)


def test_same_logits_from_two_frames(convert):
    reference = published(heads=TWO, fusion=True)
    target, said = convert(reference.state_dict())
    assert 'layout of DA-VSN or TPS' in said
    network = our_network(two_heads=True, type='TwoFrameEncoderDecoder', propagation=dict(type='BackwardWarp'))
    load_checkpoint(network, str(target), strict=True)
    assert_same_logits(reference, network)  # of a single frame
    current, previous = (50 * torch.randn(1, 3, 49, 81) for _ in range(2))
    still = stack_frames(current, previous, torch.zeros(1, 2, 49, 81))
    with torch.no_grad():
        pairs = [torch.cat((reference(current)[head], reference(previous)[head]), 1) for head in ('layer6', 'layer5')]
        expected = [reference.sf_layer(pair) for pair in pairs]
        fused = network(still, mode='tensor')
    for ours, theirs in zip(fused, expected):
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()


def test_same_logits_from_resnet_101_as_our_config_has_it(convert):
    reference = published(heads=ONE, classes=15, blocks=(3, 4, 23, 3), width=64)
    target, _ = convert(reference.state_dict())
    network = our_network(depth=101, width=64, classes=15)
    load_checkpoint(network, str(target), strict=True)
    assert_same_logits(reference, network, size=(33, 57))


def test_the_grid_of_ceil_mode_pooling(convert):
    reference = published(heads=ONE)
    network = our_network()
    load_checkpoint(network, str(convert(reference.state_dict())[0]), strict=True)
    assert assert_same_logits(reference, network, size=(512, 1024))[0].shape[-2:] == (65, 129)


@pytest.mark.parametrize('heads', [TWO, ONE])
def test_adaptsegnet_sums_two_branches(convert, heads):
    reference = published(heads=heads, branches=2)
    target, said = convert(reference.state_dict(), '--layout', 'adaptsegnet')
    assert 'layout of AdaptSegNet\n' in said
    assert 'dilation 18 and 24' in said
    for dilations in ((6, 12, 18, 24), (6, 12)):
        network = our_network(two_heads=heads is TWO, dilations=dilations)
        load_checkpoint(network, str(target), strict=len(dilations) == 4)
        assert_same_logits(reference, network)


def test_adaptsegnet_is_told_by_branches_that_nobody_trained(convert):
    reference = published(heads={'layer5': 3, 'layer6': 4}, branches=2, width=8, classes=19)
    assert 'AdaptSegNet or ADVENT' in convert(reference.state_dict())[1]
    with torch.no_grad():
        for branch in (2, 3):
            reference.layer6.conv2d_list[branch].weight.normal_(0, 0.01)
    target, said = convert(reference.state_dict())
    assert 'layout of AdaptSegNet\n' in said
    network = our_network(width=8, classes=19, two_heads=True)
    load_checkpoint(network, str(target), strict=True)
    assert_same_logits(reference, network)


def test_the_initialisation_becomes_a_backbone(convert):
    reference = published(heads=ONE, classes=21)
    target, said = convert({f'Scale.{key}': value for key, value in reference.state_dict().items()})
    assert '"Scale."-prefixed' in said
    assert 'init_cfg.prefix=backbone.' in said
    config = load_config(str(ROOT / 'configs/source_only/deeplabv2_r101_viper2cs.py')).model.segmentor.backbone
    pretrained = dict(type='Pretrained', checkpoint=str(target), prefix='backbone.')
    config.update(depth=50, base_channels=4, stem_channels=4, init_cfg=pretrained)
    backbone = MODELS.build(config)
    backbone.init_weights()
    state, expected = backbone.state_dict(), reference.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in state.items())
    assert {key.partition('.')[0] for key in torch.load(target)['state_dict']} == {'backbone'}


def test_wrapped_and_old_files(convert):
    reference = published(heads={'layer6': 4})
    state = {f'module.{key}': value for key, value in reference.state_dict().items() if 'num_batches' not in key}
    target, said = convert(dict(state_dict=state, epoch=3), _use_new_zipfile_serialization=False)
    assert 'layout of ADVENT\n' in said
    network = our_network()
    load_checkpoint(network, str(target), strict=True)
    assert_same_logits(reference, network)


def test_a_converted_checkpoint_starts_a_method(convert):
    reference = published(heads=ONE)
    target, said = convert(reference.state_dict(), '--layout', 'crst')
    assert 'bgr_to_rgb=True' in said
    config = load_config(str(ROOT / 'configs/source_only/deeplabv2_r101_viper2cs.py')).model
    config.segmentor.backbone.update(depth=50, base_channels=4, stem_channels=4, init_cfg=None)
    config.segmentor.decode_head.update(in_channels=128, num_classes=5)
    method = MODELS.build(config).eval()
    load_checkpoint(method, str(target))
    assert_same_logits(reference, method.segmentor)


@pytest.mark.parametrize(
    ('change', 'options', 'message'),
    [
        (dict(add='fc.weight'), (), r"1 unknown keys, such as 'fc\.weight'"),
        (dict(drop='layer5'), (), 'those of no published DeepLab-v2'),
        (dict(drop='layer4'), (), 'layer5 does not read the output of layer4'),
        (dict(), ('--layout', 'davsn'), 'this is the layout of FDA or CRST or AdaptSegNet, not of DA-VSN'),
        (dict(add='Scale.fc.weight'), (), "unknown key 'fc.weight'"),
        (dict(wrap=True), (), r"\['epoch'\] are no weights"),
    ],
)
def test_what_is_unknown_is_refused(convert, capsys, tmp_path, change, options, message):
    state = dict(published(heads=ONE).state_dict())
    if 'add' in change:
        state[change['add']] = torch.zeros(1)
    if 'drop' in change:
        state = {key: value for key, value in state.items() if not key.startswith(change['drop'])}
    if 'wrap' in change:
        state['epoch'] = 3
    with pytest.raises(SystemExit):
        convert(state, *options)
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert not (tmp_path / 'out').exists()


def test_a_file_that_runs_code_is_refused(convert, capsys):
    with pytest.raises(SystemExit):
        convert(dict(state_dict=Path('x')))
    assert 'holds more than weights' in capsys.readouterr().err
