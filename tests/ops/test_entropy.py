import math

import numpy as np
import pytest
import torch
from helpers import entropy_reference

from i2vda_mmseg.ops import normalized_entropy, robust_entropy, self_information


@pytest.mark.parametrize('classes', range(2, 16))
def test_closed_forms(classes):
    logits = torch.full((1, classes, 1, 3), -1e4)
    logits[0, :, 0, 0] = 0.7  # all equal
    logits[0, classes - 1, 0, 1] = 3.0  # one certain
    logits[0, :2, 0, 2] = -5.0  # two equal, the rest impossible
    expected = torch.tensor([[[1.0, 0.0, math.log(2) / math.log(classes)]]])
    torch.testing.assert_close(normalized_entropy(logits), expected)


def test_three_quarters_against_one():
    logits = torch.tensor([math.log(3.0), 0.0]).view(1, 2, 1, 1)
    expected = 0.75 * math.log2(4 / 3) + 0.25 * 2
    assert normalized_entropy(logits).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('classes', [2, 3, 11, 15])
@pytest.mark.parametrize('spread', [0.1, 3.0, 40.0])
def test_agrees_with_reference(classes, spread):
    logits = spread * np.random.default_rng(0).standard_normal((2, classes, 4, 6))
    out = normalized_entropy(torch.from_numpy(logits))
    np.testing.assert_allclose(out.numpy(), entropy_reference(logits), atol=1e-12)


def test_stays_in_the_interval():
    logits = 1e-4 * torch.randn(2, 15, 40, 60)
    out = normalized_entropy(logits)
    assert out.max() <= 1
    assert normalized_entropy(1e4 * logits.sign() * torch.rand_like(logits)).min() >= 0


@pytest.mark.parametrize('scale', [1.0, 1e3, 1e10, 1e30])
def test_gradient_of_certain_predictions(scale):
    logits = torch.zeros(1, 3, 2, 4)
    logits[:, 1] = scale
    logits.requires_grad_()
    out = normalized_entropy(logits)
    out.sum().backward()
    p = math.exp(scale) / (math.exp(scale) + 2) if scale < 100 else 1.0
    q = (1 - p) / 2
    entropy = -(p * math.log(p) + (2 * q * math.log(q) if q > 0 else 0))
    torch.testing.assert_close(out, torch.full((1, 2, 4), entropy / math.log(3)))
    expected = -p * (math.log(p) + entropy) / math.log(3)  # dE/dz_k = -p_k (log p_k + H) / log C
    torch.testing.assert_close(logits.grad[:, 1], torch.full((1, 2, 4), expected))


def test_gradcheck():
    logits = torch.randn(1, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(normalized_entropy, logits)


def test_class_of_probability_zero():
    """A masked class has the logit -inf and adds nothing: p log p -> 0."""
    logits = torch.tensor([0.0, 0.0, -math.inf]).view(1, 3, 1, 1)
    assert normalized_entropy(logits).item() == pytest.approx(math.log(2) / math.log(3), rel=1e-6)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_low_precision_is_computed_in_float32(dtype):
    logits = (4 * torch.randn(1, 5, 3, 4)).to(dtype)
    out = normalized_entropy(logits)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, normalized_entropy(logits.float()), rtol=0, atol=0)


@pytest.mark.parametrize('shape', [(1, 1, 2, 3), (3, 2, 4), (1, 3, 2, 3, 1)])
def test_errors(shape):
    with pytest.raises(ValueError, match='C >= 2'):
        normalized_entropy(torch.zeros(shape))


@pytest.mark.parametrize('classes', [2, 3, 15])
def test_self_information_is_advents(classes):
    """I_c = -p_c log2(p_c + 1e-30) / log2(C), ADVENT's form; its sum over the classes is Eq. 6."""
    logits = 3 * np.random.default_rng(1).standard_normal((2, classes, 3, 5))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -probs * np.log2(probs + 1e-30) / np.log2(classes)
    found = self_information(torch.from_numpy(logits))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)
    np.testing.assert_allclose(found.sum(1).numpy(), entropy_reference(logits), rtol=1e-9)


def test_self_information_of_certain_and_of_equal_classes():
    logits = torch.tensor([[[[200.0, 0.0]], [[-200.0, 0.0]]]], requires_grad=True)
    found = self_information(logits)
    torch.testing.assert_close(found.detach(), torch.tensor([[[[0.0, 0.5]], [[0.0, 0.5]]]]))
    found.sum().backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize('eta', [0.5, 2.0])
def test_robust_entropy(eta):
    logits = 3 * np.random.default_rng(0).standard_normal((2, 5, 4, 6))
    expected = ((entropy_reference(logits) ** 2 + 1e-8) ** eta).mean()
    assert robust_entropy(torch.from_numpy(logits), eta).item() == pytest.approx(expected, rel=1e-9)


def test_robust_entropy_of_certain_pixels_has_a_gradient():
    logits = torch.tensor([80.0, -80.0]).view(1, 2, 1, 1).requires_grad_()
    robust_entropy(logits, eta=0.5).backward()
    assert logits.grad.isfinite().all()
