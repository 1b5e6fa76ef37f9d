"""Class means and the discrepancy of two sets, against loops over pixels and pairs in double precision."""

from math import exp

import pytest
import torch

from i2vda_mmseg.ops import class_means, mean_discrepancy


def plain_discrepancy(x, y, kernels=5, factor=2.0):
    """Add up kernels over all pairs of rows, given as lists of lists."""
    both = x + y

    def distance(a, b):
        return sum((p - q) ** 2 for p, q in zip(a, b))

    pairs = [(a, b) for i, a in enumerate(both) for j, b in enumerate(both) if i != j]
    mean = sum(distance(a, b) for a, b in pairs) / len(pairs)
    widths = [mean * factor ** (k - kernels // 2) for k in range(kernels)]

    def kernel(a, b):
        return sum(exp(-distance(a, b) / width) for width in widths)

    total = 0.0
    for xi, yi in zip(x, y):
        for xj, yj in zip(x, y):
            total += kernel(xi, xj) + kernel(yi, yj) - kernel(xi, yj) - kernel(yi, xj)
    return total / len(x) ** 2


@pytest.mark.parametrize(('kernels', 'factor'), [(5, 2.0), (1, 2.0), (4, 3.0)])
@pytest.mark.parametrize('rows', [[0, 1, 2, 3], [1, 3], [2]])
def test_discrepancy_of_the_rows_that_count(kernels, factor, rows):
    generator = torch.Generator().manual_seed(0)
    x, y = 3 * torch.randn(2, 4, 5, generator=generator, dtype=torch.float64)
    counted = torch.zeros(4, dtype=torch.bool)
    counted[rows] = True
    found = mean_discrepancy(x, y, counted, kernels, factor)
    expected = plain_discrepancy(x[rows].tolist(), y[rows].tolist(), kernels, factor)
    assert float(found) == pytest.approx(expected, abs=1e-13)
    assert expected > 0.1


def test_equal_sets_are_not_apart_and_no_row_is_no_loss():
    x = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    none = mean_discrepancy(x, torch.randn(6, 4), torch.zeros(6) > 0)
    assert none.item() == 0
    assert torch.equal(torch.autograd.grad(none, x)[0], torch.zeros_like(x))
    equal = mean_discrepancy(x, x.detach(), torch.ones(6) > 0)
    assert abs(equal.item()) < 1e-14
    torch.testing.assert_close(torch.autograd.grad(equal, x)[0], torch.zeros_like(x), rtol=0, atol=1e-14)
    torch.testing.assert_close(mean_discrepancy(x.float(), x.float(), torch.ones(6) > 0), torch.tensor(0.0))


def test_its_gradient_brings_the_sets_together():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 8, 3, generator=generator, dtype=torch.float64)
    x.requires_grad_()
    before = mean_discrepancy(x, y + 1, torch.ones(8) > 0)
    (gradient,) = torch.autograd.grad(before, x)
    with torch.no_grad():
        assert mean_discrepancy(x - 0.1 * gradient, y + 1, torch.ones(8) > 0) < before


def test_means_over_the_pixels_of_each_class():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 4, 5), generator=generator)
    labels[:, 0], labels[labels == 1] = 255, 3
    means, present = class_means(x, labels, num_classes=4)
    assert present.tolist() == [True, False, True, True]
    assert means[1].tolist() == [0, 0, 0]
    for index in (0, 2, 3):
        found = [x[n, :, i, j] for n in range(2) for i in range(4) for j in range(5) if labels[n, i, j] == index]
        torch.testing.assert_close(means[index], torch.stack(found).mean(0), rtol=0, atol=1e-14)
