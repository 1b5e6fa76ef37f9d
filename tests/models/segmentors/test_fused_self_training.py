"""Self-training of networks that fuse two frames: mixing, augmentation and hiding alike, and who labels."""

import pytest
import torch
from helpers import domain_batch, optimizers, sharpen, still_statistics, terms_of, tiny_method, tiny_segmentor_cfg
from two_frame import ACCEL_KINDS, accel_cfg

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors.frame_fusion import split_frames

FLOW = dict(type='TinyFlow', gain=9.0)
REFINEMENT = dict(type='PseudoLabelRefinement')
JUDGE = dict(type='FCDiscriminator', in_channels=6, base_channels=2)


def fused(method='DACS', kind=ACCEL_KINDS[0], **options):
    torch.manual_seed(0)
    if method == 'HRDA':
        kind = ACCEL_KINDS[1]
    return still_statistics(sharpen(tiny_method(method, segmentor=accel_cfg(kind), flow_estimator=FLOW, **options)))


def data(size=(32, 48)):
    return domain_batch(source_size=size, target_size=size, pairs=True)


def paired(model):
    return model.with_pairs(model.data_preprocessor(data(), training=True))


@pytest.mark.parametrize(
    ('method', 'kind'), [('DACS', ACCEL_KINDS[0]), ('HRDA', ACCEL_KINDS[1]), ('MIC', ACCEL_KINDS[1])]
)
def test_it_begins_as_the_method_of_single_frames(method, kind):
    """The fusion starts as the identity on the current frame: with the same draws the same is learnt."""
    options = dict(threshold=0.4) | (dict(mask_block=8) if method == 'MIC' else {})
    options |= {} if method == 'DACS' else dict(thing_classes=[0, 1], min_share=0.3)
    model = fused(method, kind, **options)
    cfg = accel_cfg(kind, type=kind.replace('Accel', ''))
    cfg.pop('propagation')
    single = still_statistics(tiny_method(method, segmentor=cfg, **options))
    state = {key: value for key, value in model.state_dict().items() if not key.endswith('sf_layer.weight')}
    single.load_state_dict(state, strict=True)
    logged = []
    for each in (model, single):
        torch.manual_seed(5)
        logged.append(terms_of(each.train_step(data(), optimizers(each, lr=0.05))))
    assert logged[0].keys() == logged[1].keys()
    for name, value in logged[0].items():
        torch.testing.assert_close(value, logged[1][name])
    weights = dict(single.segmentor.named_parameters())
    for name, parameter in model.segmentor.named_parameters():
        if name == 'sf_layer.weight':
            assert not torch.equal(parameter[..., 0, 0], torch.eye(3, 6))
        else:
            torch.testing.assert_close(parameter, weights[name])


def test_one_mask_mixes_both_frames_the_flow_and_the_labels():
    model = fused(threshold=0.4)
    batch = paired(model)
    pseudo = model.pseudo_labels(batch['target'])
    source, target = batch['source']['inputs'], batch['target']['inputs']
    images, labels, weights = model.mix(batch, pseudo)
    from_source, from_target = (images == source).all(1), (images == target).all(1)  # all eight channels
    assert (from_source ^ from_target).all()
    assert 0 < from_source.float().mean() < 1
    assert torch.equal(labels, batch['source']['labels'].where(from_source, pseudo.labels))
    assert torch.equal(weights, torch.ones_like(weights).where(from_source, pseudo.weights))
    for index in range(2):  # whole classes of the current source frame
        chosen, left = (batch['source']['labels'][index][part[index]].unique() for part in (from_source, from_target))
        assert not set(chosen.tolist()) & set(left.tolist())
    torch.testing.assert_close(source[:, 6:], model.flow_estimator(*batch['source']['frames'].unbind(1)[::-1]))


@pytest.mark.parametrize('method', ['DACS', 'VFMUDA'])
def test_both_frames_are_augmented_alike(method):
    options = dict(mask_block=16, augmentation=dict(type='StrongAugmentation')) if method == 'VFMUDA' else {}
    model = fused(method, **options)
    images = paired(model)['target']['inputs']
    images[:, 3:6] = images[:, :3]
    changed = set()
    for seed in range(6):
        torch.manual_seed(seed)
        current, previous, flow = split_frames(model.augmented(images))
        after = torch.get_rng_state()
        assert torch.equal(current, previous)
        assert torch.equal(flow, images[:, 6:])
        torch.manual_seed(seed)
        assert torch.equal(model.augmented(images[:, :3]), current)
        assert torch.equal(torch.get_rng_state(), after)
        changed.add(torch.equal(current, images[:, :3]))
    assert False in changed


def test_both_frames_are_hidden_alike_and_the_flow_is_not():
    model = fused('MIC', mask_block=8)
    images = paired(model)['target']['inputs']
    current, previous, flow = split_frames(model.masked(images))
    hidden = (current == 0).all(1)
    assert torch.equal(hidden, (previous == 0).all(1))
    assert 0.3 < hidden.float().mean() < 1
    assert torch.equal(flow, images[:, 6:])
    assert torch.equal(current[~hidden[:, None].expand_as(current)], images[:, :3][~hidden[:, None].expand_as(current)])


def test_the_teacher_labels_each_frame_by_itself():
    model = fused(threshold=0.4)
    torch.nn.init.normal_(model.proxy.sf_layer.weight)
    target = paired(model)['target']
    logits = model.proxy.decode_head(model.proxy.backbone(model.target_images(target)))
    expected = model.upsampled(logits, target['inputs']).argmax(1)
    assert torch.equal(model.pseudo_labels(target).labels, expected)


def test_flow_is_estimated_once_for_network_and_refinement():
    model = fused(refinement=REFINEMENT)
    assert model.refinement.flow_estimator is model.flow_estimator
    assert not [key for key in model.state_dict() if 'flow' in key]
    model.flow_estimator.calls.clear()
    model.train_step(data(), optimizers(model))
    assert sorted(shape[0] for shape, _ in model.flow_estimator.calls) == [2, 4]  # source F_10; target F_01 and F_10
    target = paired(model)['target']
    frame_0, frame_1 = target['frames'].unbind(1)
    torch.testing.assert_close(target['inputs'][:, 6:], model.flow_estimator(frame_1, frame_0))
    _, kept = model.refinement(*2 * [model.teacher_probs(model.target_images(target))], target)
    assert 0 < kept.float().mean() < 1


@pytest.mark.parametrize('method', ['DACS', 'DAFormer', 'HRDA', 'MIC', 'VFMUDA'])
def test_all_methods_of_self_training_take_it(method):
    options = dict(mask_block=16) if method in ('MIC', 'VFMUDA') else {}
    model = fused(method, discriminator=JUDGE, refinement=REFINEMENT, batch_statistics='target', **options).train()
    size = (64, 96) if method == 'HRDA' else (32, 48)  # judged at half of it
    logged = model.train_step(data(size), optimizers(model, lr=0.05))
    assert {'loss_seg', 'loss_mix', 'loss_adv', 'loss_dis', 'pseudo_label_kept'} <= logged.keys()
    assert all(value.isfinite() for value in logged.values())
    assert model.count_passes({}) == 3 + bool(options)


@pytest.mark.parametrize('kind', ACCEL_KINDS)
def test_it_tests_on_two_frames(kind):
    model = fused('MIC', kind, mask_block=8).eval()
    torch.nn.init.normal_(model.segmentor.sf_layer.weight)
    frames = model.data_preprocessor(data(), training=True)['target']['frames']
    flow = model.flow_estimator(frames[:, 1], frames[:, 0])
    images = model.stacked(frames[:, 1], frames[:, 0], flow)
    torch.testing.assert_close(model(frames), model.segmentor(images))
    still = model(model.target_images(dict(frames=frames)))
    torch.testing.assert_close(still, model(frames[:, -1:].repeat(1, 2, 1, 1, 1)))
    assert not torch.allclose(still, model(frames))


def test_what_cannot_be():
    accel = accel_cfg(ACCEL_KINDS[0])
    with pytest.raises(ConfigError, match=r'model\.flow_estimator: AccelEncoderDecoder fuses two frames.*give one'):
        tiny_method('DACS', segmentor=accel)
    with pytest.raises(ConfigError, match=r'model\.flow_estimator: EncoderDecoder predicts from single frames'):
        tiny_method('DACS', flow_estimator=FLOW)
    with pytest.raises(ConfigError, match=r'AccelEncoderDecoder fuses two frames, and SourceOnly predicts from one'):
        tiny_method('SourceOnly', segmentor=accel)
    temporal = dict(type='TemporalAugmentedConsistency', flow_estimator=FLOW, pseudo_label_head=None,
                    temporal_augmentation=None)  # fmt: skip
    with pytest.raises(ConfigError, match=r'model\.temporal: I_t is a single frame'):
        tiny_method('DACS', segmentor=accel, flow_estimator=FLOW, temporal=temporal)
    with pytest.raises(ConfigError, match=r'model\.refinement\.flow_estimator: missing'):
        tiny_method('DACS', segmentor=tiny_segmentor_cfg(), refinement=REFINEMENT)
    model = fused()
    with pytest.raises(ValueError, match=r'DACS learns from two source frames.*previous_frame=True'):
        model.train_step(domain_batch(source_size=(32, 48)), optimizers(model))
