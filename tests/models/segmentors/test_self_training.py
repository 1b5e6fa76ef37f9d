import pytest
import torch
import torch.nn.functional as F
from helpers import MEAN, STD, domain_batch, ready, tiny_segmentor_cfg
from mmengine.structures import PixelData
from mmseg.registry import MODELS

LABELLED = (32, 48)


def build(method, **options):
    torch.manual_seed(0)
    preprocessor = dict(type='DomainDataPreprocessor', mean=MEAN, std=STD)
    config = dict(type=method, segmentor=tiny_segmentor_cfg(), data_preprocessor=preprocessor)
    return ready(MODELS.build(config | options))


def batch(model, labelled=True, soft=False):
    data = domain_batch()
    generator = torch.Generator().manual_seed(1)
    for sample in data['target']['data_samples'] if labelled else []:
        values = torch.randint(0, 3, LABELLED, generator=generator)
        values[:, :20] = 255
        sample.gt_sem_seg = PixelData(data=values[None])
        if soft:
            counts = torch.randint(0, 256, (3, *LABELLED), generator=generator, dtype=torch.uint8)
            sample.gt_soft_label = PixelData(data=counts * (values != 255))
    return model.data_preprocessor(data, training=True)


def losses(model, batch):
    return {name: value for part in model.segmentor_passes(batch) for name, value in part.losses.items()}


def target_logits(model, batch):
    return model.logits(model.data_preprocessor.normalize(batch['target']['frames'][:, 1]))


@pytest.mark.parametrize('method', ['CBST', 'CRST'])
def test_without_labels_it_is_source_only(method):
    model = build(method)
    unlabelled = batch(model, labelled=False)
    assert losses(model, unlabelled) == losses(build('SourceOnly'), unlabelled)


def test_cbst_learns_both_domains_by_cross_entropy():
    model = build('CBST')
    labelled = batch(model)
    found = losses(model, labelled)
    expected = F.cross_entropy(target_logits(model, labelled), labelled['target']['labels'], ignore_index=255)
    assert found.keys() == {'loss_seg', 'loss_target'}
    torch.testing.assert_close(found['loss_target'], expected)


def stepped_loss(model, labelled):
    """The scalar that a step follows: each pass weighted when it is back-propagated."""
    return sum(model.weighted_sum(part.losses) for part in model.segmentor_passes(labelled))


def mixed_batch_loss(model, labelled, lambda_mrkld=0.0, soft=None):
    """As released: sums over all labelled pixels of both images, one division; MRKLD over the target's alone."""
    source, target = labelled['source'], labelled['target']
    parts = [(model.logits(source['inputs']), source['labels']), (target_logits(model, labelled), target['labels'])]
    total = pixels = 0
    for index, (logits, labels) in enumerate(parts):
        one_hot = F.one_hot(labels.where(labels != 255, 0), 3).movedim(3, 1) * (labels != 255)[:, None]
        aim = soft if soft is not None and index == 1 else one_hot
        total = total - (aim * logits.log_softmax(1)).sum()
        pixels = pixels + (aim.sum(1) > 0).sum()
    logits, labels = parts[1]
    regularizer = -(logits.log_softmax(1) / 3 * (labels != 255)[:, None]).sum() / (labels != 255).sum().clamp(min=1)
    return total / pixels + lambda_mrkld * regularizer


def test_a_round_averages_over_the_pixels_of_both_domains():
    model = build('CBST')
    labelled = batch(model)
    labelled['source']['labels'][:, :7] = 255
    torch.testing.assert_close(stepped_loss(model, labelled), mixed_batch_loss(model, labelled))
    crst = build('CRST')
    torch.testing.assert_close(stepped_loss(crst, labelled), mixed_batch_loss(crst, labelled, 0.1))


def test_a_round_with_soft_labels_averages_over_the_pixels_of_both_domains():
    model = build('CRST', regularizer='lrent')
    labelled = batch(model, soft=True)
    soft = torch.stack([sample.gt_soft_label.data for sample in labelled['target']['data_samples']]).float()
    soft = soft / soft.sum(1, keepdim=True).clamp(min=1)
    torch.testing.assert_close(stepped_loss(model, labelled), mixed_batch_loss(model, labelled, soft=soft))


@pytest.mark.parametrize('nothing', [('source',), ('target',), ('source', 'target')])
def test_a_round_without_labels_in_a_domain(nothing):
    model = build('CBST')
    labelled = batch(model)
    for domain in nothing:
        labelled[domain]['labels'][:] = 255
    expected = mixed_batch_loss(model, labelled) if len(nothing) == 1 else torch.tensor(0.0)
    torch.testing.assert_close(stepped_loss(model, labelled), expected)


def test_the_sum_of_both_means_is_a_choice():
    model = build('CBST', averaging='domain')
    labelled = batch(model)
    found = losses(model, labelled)
    torch.testing.assert_close(stepped_loss(model, labelled), found['loss_seg'] + found['loss_target'])
    with pytest.raises(ValueError, match=r"averaging .* got 'sum'"):
        build('CBST', averaging='sum')


def test_the_first_stage_weighs_the_source_alone():
    model = build('CBST')
    stepped_loss(model, batch(model))
    unlabelled = batch(model, labelled=False)
    torch.testing.assert_close(stepped_loss(model, unlabelled), losses(model, unlabelled)['loss_seg'])


@pytest.mark.parametrize('weight', [0.1, 0.01])
def test_mrkld_adds_its_regularizer(weight):
    model = build('CRST', lambda_mrkld=weight)
    labelled = batch(model)
    found = losses(model, labelled)
    has_label = labelled['target']['labels'] != 255
    log_probs = target_logits(model, labelled).log_softmax(dim=1)
    torch.testing.assert_close(found['loss_mrkld'], -log_probs.mean(dim=1)[has_label].mean())
    torch.testing.assert_close(found['loss_target'], losses(build('CBST'), labelled)['loss_target'])
    assert model.loss_weights['loss_mrkld'] == weight


def test_lrent_learns_from_soft_labels():
    model = build('CRST', regularizer='lrent')
    labelled = batch(model, soft=True)
    soft = torch.stack([sample.gt_soft_label.data for sample in labelled['target']['data_samples']]).float()
    cross_entropy = -(soft / soft.sum(1, keepdim=True) * target_logits(model, labelled).log_softmax(1)).sum(1)
    expected = cross_entropy[soft.sum(1) > 0].mean()
    torch.testing.assert_close(losses(model, labelled)['loss_target'], expected)


def test_what_lrent_lacks_is_named():
    model = build('CRST', regularizer='lrent')
    with pytest.raises(KeyError, match='set alpha of ClassBalancedLabeller'):
        losses(model, batch(model))
    with pytest.raises(ValueError, match=r"regularizer must be one of .* got 'entropy'"):
        build('CRST', regularizer='entropy')
