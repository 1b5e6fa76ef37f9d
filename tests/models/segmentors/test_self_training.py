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
