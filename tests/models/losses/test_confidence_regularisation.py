import pytest
import torch

from i2vda_mmseg.models.losses import MRKLDLoss, SoftCrossEntropyLoss


def logits_and_labels():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 3, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 4, (2, 3, 5), generator=generator)
    labels[:, :2] = 255
    return logits, labels


def test_mrkld_is_its_formula_and_so_is_its_gradient():
    logits, labels = logits_and_labels()
    loss = MRKLDLoss()(logits, labels)
    terms = [-logits[n, :, y, x].softmax(0).log().mean() for n, y, x in (labels != 255).nonzero().tolist()]
    torch.testing.assert_close(loss, sum(terms) / len(terms))
    loss.backward()
    expected = (logits.softmax(dim=1) - 1 / 4) * (labels != 255)[:, None] / len(terms)
    torch.testing.assert_close(logits.grad, expected.detach())


def test_soft_cross_entropy_is_its_formula_and_so_is_its_gradient():
    logits, labels = logits_and_labels()
    selected = (labels != 255)[:, None]
    soft = torch.rand(2, 4, 3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64).softmax(dim=1)
    loss = SoftCrossEntropyLoss()(logits, soft * selected)
    total = -(soft * logits.softmax(dim=1).log() * selected).sum()
    torch.testing.assert_close(loss, total / selected.sum())
    loss.backward()
    expected = (logits.softmax(dim=1) - soft) * selected / selected.sum()
    torch.testing.assert_close(logits.grad, expected.detach())


def test_counts_serve_as_soft_labels():
    logits, _ = logits_and_labels()
    counts = torch.randint(0, 255, logits.shape, generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    soft = counts.double() / counts.double().sum(dim=1, keepdim=True)
    torch.testing.assert_close(SoftCrossEntropyLoss()(logits, counts), SoftCrossEntropyLoss()(logits, soft))


@pytest.mark.parametrize('loss', [MRKLDLoss(), SoftCrossEntropyLoss()])
def test_nothing_labelled_is_nothing_learnt(loss):
    logits, labels = logits_and_labels()
    target = torch.full_like(labels, 255) if isinstance(loss, MRKLDLoss) else torch.zeros_like(logits)
    value = loss(logits, target)
    value.backward()
    assert value == 0
    assert not logits.grad.any()
