"""What DAFormer's training holds beside the losses: the initial encoder, margins, weights, and what it refuses."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from helpers import (
    assert_same_state,
    domain_batch,
    optimizers,
    sharpen,
    state_of,
    still_statistics,
    terms_of,
    tiny_method,
    tiny_segmentor_cfg,
)
from mmengine.structures import PixelData
from mmseg.registry import MODELS

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors import daformer
from i2vda_mmseg.models.segmentors.pixel_weights import unweighing_part
from i2vda_mmseg.models.segmentors.supervision import labelled_samples, supervised_pass
from i2vda_mmseg.ops import consistency_mask, inside, warp


def moved(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1)
    return module


def tiny_daformer(**options):
    return tiny_method('DAFormer', **dict(dict(thing_classes=[0, 1], min_share=0.3), **options))


def test_the_reference_is_the_initial_encoder_and_stays_it():
    model = tiny_daformer()
    model.init_weights()
    initial = state_of(model.segmentor.backbone)
    assert_same_state(model.reference, initial)
    model.train()
    assert not any(module.training for module in model.reference.modules())
    steps = optimizers(model)
    for _ in range(2):
        model.train_step(domain_batch(source_size=(32, 48)), steps)
    assert_same_state(model.reference, initial)
    assert not any(parameter.requires_grad for parameter in model.reference.parameters())


def test_a_checkpoint_without_a_reference_gives_its_encoder():
    plain = moved(MODELS.build(tiny_segmentor_cfg()))
    model = tiny_daformer()
    model.load_state_dict(plain.state_dict(), strict=True)
    assert_same_state(model.reference, state_of(plain.backbone))
    method = moved(tiny_method('SourceOnly'))
    model.load_state_dict(method.state_dict(), strict=True)
    assert_same_state(model.reference, state_of(method.segmentor.backbone))


def test_weights_of_the_config_are_kept_whatever_is_loaded():
    model = tiny_daformer()
    model.segmentor.backbone.init_cfg = dict(type='Pretrained', checkpoint='imagenet.pth')
    kept = state_of(model.reference)
    model.load_state_dict(moved(MODELS.build(tiny_segmentor_cfg())).state_dict(), strict=True)
    assert_same_state(model.reference, kept)


def test_a_resumed_reference_is_that_of_the_run():
    model, other = moved(tiny_daformer()), tiny_daformer()
    other.load_state_dict(model.state_dict(), strict=True)
    assert_same_state(other.reference, state_of(model.reference))
    assert not torch.equal(other.reference.conv.weight, moved(deepcopy(other.reference)).conv.weight)


def test_a_distance_to_random_features_is_said(monkeypatch):
    said = []
    monkeypatch.setattr(daformer, 'print_log', lambda text, **_: said.append(text))
    for options, count in ((dict(thing_classes=None), 0), ({}, 1)):
        model = tiny_daformer(**options)
        model.renewed_by = 'ProxyEMAHook'
        model.check_run()
        assert len(said) == count
    assert 'whose weights are random in this run' in said[0]
    model.segmentor.backbone.init_cfg = dict(type='Pretrained', checkpoint='imagenet.pth')
    model.check_run()
    model.segmentor.backbone.init_cfg = None
    model.load_state_dict(moved(MODELS.build(tiny_segmentor_cfg())).state_dict(), strict=True)
    said.clear()
    model.check_run()
    assert said == []


@pytest.mark.parametrize(('pretrained', 'count'), [(None, 1), ('installed', 0)])
def test_imagenet_features_of_efficientnet_are_worth_keeping(monkeypatch, pretrained, count):
    said = []
    monkeypatch.setattr(daformer, 'print_log', lambda text, **_: said.append(text))
    cfg = tiny_segmentor_cfg()
    cfg.backbone = dict(type='EfficientNetLite0', pretrained=pretrained, out_indices=[3])
    cfg.decode_head.update(in_channels=320)
    model = tiny_daformer(segmentor=cfg)
    model.renewed_by = 'ProxyEMAHook'
    model.check_run()
    assert len(said) == count


def test_the_teachers_labels_are_refined_and_what_is_not_kept_counts_for_nothing():
    refinement = dict(type='PseudoLabelRefinement', flow_estimator=dict(type='TinyFlow'))
    torch.manual_seed(0)
    model = sharpen(tiny_daformer(refinement=refinement, threshold=0.0)).train()
    target = model.data_preprocessor(domain_batch(source_size=(32, 48)), training=True)['target']
    pseudo = model.pseudo_labels(target)
    frame_0, frame_1 = target['frames'].unbind(1)
    flow_01, flow_10 = (model.refinement.flow_estimator(a, b) for a, b in ((frame_0, frame_1), (frame_1, frame_0)))
    visible = consistency_mask(flow_01, flow_10) & inside(flow_10)
    now, before = (model.teacher_probs(model.data_preprocessor.normalize(each)) for each in (frame_1, frame_0))
    agrees = visible & (warp(before, flow_10).argmax(1) == now.argmax(1))
    assert torch.equal(pseudo.labels, now.argmax(1))
    assert torch.equal(pseudo.weights, agrees.float())
    assert 0.02 < float(pseudo.kept) < 0.98
    logged = model.train_step(domain_batch(source_size=(32, 48)), optimizers(model))
    torch.testing.assert_close(logged['pseudo_label_kept'], pseudo.kept)
    assert not [key for key in model.state_dict() if 'refinement' in key]


@pytest.mark.parametrize('method', ['DAFormer', 'HRDA'])
@pytest.mark.parametrize('channels', [4, 6])
def test_of_a_network_with_a_neck_the_encoders_are_compared(method, channels):
    cfg = tiny_segmentor_cfg()
    cfg.neck = dict(type='FPN', in_channels=[4], out_channels=channels, num_outs=1)
    cfg.decode_head.in_channels = channels
    if method == 'HRDA':
        attention = dict(type='ScaleAttentionHead', in_channels=[channels], channels=4, num_classes=3)
        cfg.update(type='HRDAEncoderDecoder', detail_size=(16, 24), output_stride=4, attention_head=attention)
    model = still_statistics(tiny_method(method, segmentor=cfg, thing_classes=[0, 1], min_share=0.3))
    model.reference.load_state_dict(model.segmentor.backbone.state_dict())
    batch = model.data_preprocessor(domain_batch(source_size=(32, 48)), training=True)
    losses = [next(iter(model.segmentor_passes(batch))).losses['loss_fd'] for _ in range(2)]
    assert [float(loss) for loss in losses] == [0, 0]
    moved(model.reference)
    loss = next(iter(model.segmentor_passes(batch))).losses['loss_fd']
    assert float(loss) > 0.01
    assert loss.requires_grad
    assert 'forward' not in vars(model.segmentor.backbone)  # put back


def test_a_network_without_heads_weighs_pixels_where_it_says_so():
    assert unweighing_part(SimpleNamespace()) == 'type: SimpleNamespace'
    assert unweighing_part(SimpleNamespace(weighs_pixels=True)) is None
    assert unweighing_part(MODELS.build(tiny_segmentor_cfg())) is None


def test_without_things_there_is_no_distance():
    model = tiny_daformer(thing_classes=None).train()
    logged = terms_of(model.train_step(domain_batch(source_size=(32, 48)), optimizers(model)))
    assert 'loss_fd' not in logged
    assert not hasattr(model, 'reference')


def test_margins_of_the_config_and_of_the_samples():
    model = tiny_daformer(margins=dict(top=3, right=5), threshold=0.0)
    target = model.data_preprocessor(domain_batch(source_size=(32, 48)), training=True)['target']
    valid = torch.ones(32, 48, dtype=torch.uint8)
    valid[10:12] = 0
    valid[12:15] = 255  # what RandomRotate and crops that pad leave in a map of labels
    for sample in target['data_samples']:
        sample.valid_map = PixelData(data=valid[None])
    pseudo = model.pseudo_labels(target)
    expected = (valid == 1).float()
    expected[:3], expected[:, -5:] = 0, 0
    assert float(pseudo.quality) == 1.0
    assert torch.equal(pseudo.weights, expected.expand(2, 32, 48))


@pytest.mark.parametrize('margins', [dict(bottom=40), dict(top=20, bottom=12), dict(left=25, right=25)])
def test_margins_that_leave_nothing_are_refused(margins):
    model = tiny_daformer(margins=margins)
    with pytest.raises(ConfigError, match=r'^model\.margins: .*leave nothing of an image of 32x48'):
        model.train_step(domain_batch(source_size=(32, 48)), optimizers(model))


@pytest.mark.parametrize('pixels', [-5, 2.5])
def test_margins_that_are_no_pixels_are_refused(pixels):
    with pytest.raises(ConfigError, match=r'^model\.margins\.top: must be a whole number of pixels'):
        tiny_daformer(margins=dict(top=pixels))


@pytest.mark.parametrize('avg_non_ignore', [True, False])
def test_weights_of_pixels_act_in_the_loss_of_the_segmentor(avg_non_ignore):
    network = tiny_method('SourceOnly').segmentor
    network.decode_head.loss_decode.avg_non_ignore = avg_non_ignore
    images, labels = torch.randn(2, 3, 32, 48), torch.randint(0, 3, (2, 32, 48))
    labels[:, :9] = 255
    weights = torch.rand(2, 32, 48)
    network.eval()
    found = supervised_pass(network, network, images, labelled_samples(labels, weights), 'loss_mix').losses
    logits = F.interpolate(network(images, mode='tensor'), (32, 48), mode='bilinear', align_corners=True)
    losses = F.cross_entropy(logits, labels, ignore_index=255, reduction='none') * weights
    count = (labels != 255).sum() if avg_non_ignore else labels.numel()
    torch.testing.assert_close(found['loss_mix'], losses.sum() / count)
    assert network.decode_head.sampler is None  # put back


def test_without_a_mask_the_masked_loss_is_that_of_plain_self_training():
    torch.manual_seed(0)
    options = dict(mask_ratio=0.0, mask_augmented=False, threshold=0.3)
    model = tiny_method('MIC', thing_classes=None, **options).eval()
    batch = model.data_preprocessor(domain_batch(source_size=(32, 48)), training=True)
    pseudo = model.pseudo_labels(batch['target'])
    *_, masked = model.target_supervisions(batch, pseudo)
    images = model.target_images(batch['target'])
    plain = model.supervised_target(images, pseudo.labels, pseudo.weights, 'loss_mask')
    assert torch.equal(masked.losses['loss_mask'], plain.losses['loss_mask'])
    assert float(pseudo.quality) > 0


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(thing_classes=[0, 3]), r'thing_classes: \[3\] are no indices of the 3 classes'),
        (dict(margins=dict(above=3)), r"margins: \['above'\] are no sides"),
    ],
)
def test_settings_that_cannot_be(options, said):
    with pytest.raises(ConfigError, match=said):
        tiny_daformer(**options)


def test_images_of_two_sizes_and_heads_without_weights_are_refused():
    model = tiny_daformer().train()
    with pytest.raises(ConfigError, match=r'must be of one size, and are \(32, 40\) and \(32, 48\)'):
        model.train_step(domain_batch(), optimizers(model))
    cfg = tiny_segmentor_cfg()
    cfg.auxiliary_head = dict(
        type='PointHead',
        in_channels=[4],
        in_index=[0],
        channels=4,
        num_classes=3,
        num_fcs=1,
        coarse_pred_each_layer=True,
    )
    with pytest.raises(ConfigError, match=r'auxiliary_head\.type: PointHead cannot weigh each pixel.* as DACS does'):
        tiny_method('DACS', segmentor=cfg)
