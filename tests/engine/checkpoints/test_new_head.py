"""Fine-tuning from a network of other classes."""

import pytest
import torch
from helpers import state_of, tiny_method, tiny_segmentor_cfg
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from i2vda_mmseg.engine.checkpoints.new_head import fit_to_classes

BEFORE = ['road', 'sky', 'person', 'rider', 'car']
CLASSES = ['car', 'crate', 'road']


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def networks():
    torch.manual_seed(0)
    return MODELS.build(tiny_segmentor_cfg(5)).state_dict(), MODELS.build(tiny_segmentor_cfg(3)).state_dict()


def checkpoint(state, prefix=''):
    named = {f'{prefix}{key}': value for key, value in state.items()}
    others = {'discriminator.x': torch.zeros(1)} if prefix else {}
    return dict(state_dict=named | others, meta=dict(dataset_meta=dict(classes=BEFORE)))


@pytest.mark.parametrize('prefix', ['', 'segmentor.'])
def test_all_but_the_classifier_and_the_rows_of_named_classes(prefix):
    given, own = networks()
    fitted = fit_to_classes(checkpoint(given, prefix), own, CLASSES, own)
    assert set(fitted.state) == set(own)
    assert fitted.kept == ('car', 'road')
    assert fitted.renewed == tuple(key for key in own if key.startswith('decode_head.convs.'))
    for key, value in fitted.state.items():
        if key not in fitted.renewed:
            assert torch.equal(value, given[key])
            continue
        assert torch.equal(value[0], given[key][4])
        assert torch.equal(value[1], own[key][1])
        assert torch.equal(value[2], given[key][0])


def test_the_same_number_of_other_classes_goes_by_name_too():
    given, _ = networks()
    own = {key: value + 1 for key, value in given.items()}
    fitted = fit_to_classes(checkpoint(given), own, ['sky', 'road', 'a', 'b', 'c'], own)
    for key in fitted.renewed:
        assert torch.equal(fitted.state[key][0], given[key][1])
        assert torch.equal(fitted.state[key][2], own[key][2])
    same = fit_to_classes(checkpoint(given), own, BEFORE, own)
    assert same.renewed == ()


def test_without_names_the_classifier_starts_afresh():
    given, own = networks()
    fitted = fit_to_classes(dict(state_dict=given), own, CLASSES, own)
    assert fitted.kept == ()
    assert all(torch.equal(fitted.state[key], own[key]) for key in fitted.renewed)


def test_another_network_is_refused():
    given, own = networks()
    with pytest.raises(ValueError, match=r'no backbone\.conv\.weight: it is of another network'):
        fit_to_classes(dict(state_dict={'x': torch.zeros(1)}), own, CLASSES, own)
    wide = given | {'backbone.conv.weight': torch.zeros(4, 3, 5, 5)}
    with pytest.raises(ValueError, match='they differ in more than the number of classes'):
        fit_to_classes(dict(state_dict=wide), own, CLASSES, own)


def test_the_proxy_starts_as_the_new_network():
    given, own = networks()
    model = tiny_method('I2VDA')
    fitted = fit_to_classes(checkpoint(given), own, CLASSES, own)
    model.load_state_dict({f'segmentor.{key}': value for key, value in fitted.state.items()}, strict=False)
    assert all(torch.equal(value, state_of(model.segmentor)[key]) for key, value in state_of(model.proxy).items())


@pytest.mark.parametrize('part', ['attention_head.conv_seg', 'model.decode_head.classifier', 'model.classifier'])
def test_classes_in_another_order_are_found_in_every_head(part):
    given = {f'{part}.weight': torch.arange(5.0).view(5, 1), 'backbone.weight': torch.arange(5.0).view(5, 1)}
    own = {key: torch.full((5, 1), -1.0) for key in given}
    fitted = fit_to_classes(checkpoint(given), own, ['car', 'sky', 'road', 'a', 'b'], own)
    assert fitted.state[f'{part}.weight'].flatten().tolist() == [4, 1, 0, -1, -1]
    assert torch.equal(fitted.state['backbone.weight'], given['backbone.weight'])


@pytest.mark.parametrize('classes', [CLASSES, ['car', 'sky', 'road', 'a', 'b']])
def test_queries_keep_their_row_of_no_class(classes):
    count = len(classes)
    given = {'decode_head.cls_embed.bias': torch.arange(6.0)}
    own = {'decode_head.cls_embed.bias': torch.full((count + 1,), -1.0)}
    (bias,) = fit_to_classes(checkpoint(given), own, classes, own).state.values()
    expected = [BEFORE.index(name) if name in BEFORE else -1 for name in classes]
    assert bias.tolist() == [*expected, 5]


@pytest.mark.parametrize('classes', [CLASSES, ['car', 'sky', 'road', 'a', 'b']])
def test_the_fusion_of_two_frames_goes_by_name_in_rows_and_columns(classes):
    """Each entry says which class of the result takes how much of which class of which frame."""
    before, count = len(BEFORE), len(classes)
    given = torch.arange(2.0 * before**2).view(before, 2 * before, 1, 1) + 100
    own = torch.eye(count, 2 * count)[..., None, None]
    (fitted,) = fit_to_classes(
        checkpoint({'sf_layer.weight': given}), {'sf_layer.weight': own}, classes, {'sf_layer.weight': own}
    ).state.values()
    for row, result in enumerate(classes):
        for column, taken in enumerate(classes):
            for frame in (0, 1):
                value = fitted[row, column + frame * count].item()
                if {result, taken} <= set(BEFORE):
                    wanted = given[BEFORE.index(result), BEFORE.index(taken) + frame * before].item()
                else:
                    wanted = own[row, column + frame * count].item()
                assert value == wanted, (result, taken, frame)


def test_a_file_that_holds_a_list_is_no_checkpoint():
    _, own = networks()
    with pytest.raises(ValueError, match='holds no weights, bare or under state_dict; it has a list'):
        fit_to_classes([1], own, CLASSES, own)
